import { readFile } from 'node:fs/promises';

/** What a file holds at one moment, or why it cannot be read. */
export type FileContent = { readonly text: string } | { readonly unreadable: string };

export async function readContent(file: string): Promise<FileContent> {
  try {
    return { text: await readFile(file, 'utf8') };
  } catch (error) {
    return { unreadable: (error as NodeJS.ErrnoException).code ?? 'unknown error' };
  }
}
