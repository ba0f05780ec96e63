import CodeBlockWriter from 'code-block-writer';

const textWidth = 110;

/** Starts a part of a TypeScript file. */
export function startBody(): CodeBlockWriter {
  return new CodeBlockWriter({ indentNumberOfSpaces: 2, useSingleQuote: true });
}

/** Starts a generated TypeScript file: what made it, from what, and how to make it again. */
export function startSource(): CodeBlockWriter {
  return startBody()
    .writeLine('// Generated from crds/mcpauthpolicies.yaml by `npm run generate`; do not edit.')
    .blankLine();
}

/** Writes a description as JSDoc above the next line; nothing when it is empty. */
export function writeDoc(writer: CodeBlockWriter, description: string): void {
  const width = textWidth - writer.getIndentationLevel() * 2;
  const text = description.replaceAll('*/', '*\\/');
  if (text === '') {
    return;
  }
  if (!text.includes('\n') && text.length + '/**  */'.length <= width) {
    writer.writeLine(`/** ${text} */`);
    return;
  }
  writer.writeLine('/**');
  for (const line of text.split('\n').flatMap((line) => wrap(line, width - ' * '.length))) {
    writer.writeLine(` * ${line}`);
  }
  writer.writeLine(' */');
}

/** Ends a generated file and gives its text. */
export function finishSource(writer: CodeBlockWriter): string {
  return writer.newLineIfLastNot().toString();
}

/** Gives a string literal, in double quotes where that saves escapes; right for control characters, too. */
export function quote(text: string): string {
  const inDoubleQuotes = JSON.stringify(text);
  if (text.includes("'") && !text.includes('"')) {
    return inDoubleQuotes;
  }
  return `'${inDoubleQuotes.slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
}

/** Gives the literal of a value of JSON, on one line. */
export function literal(value: unknown): string {
  if (typeof value === 'string') {
    return quote(value);
  }
  if (Array.isArray(value)) {
    return `[${value.map(literal).join(', ')}]`;
  }
  if (typeof value === 'object' && value !== null) {
    return `{ ${Object.entries(value)
      .map(([name, member]) => `${name}: ${literal(member)}`)
      .join(', ')} }`;
  }
  return JSON.stringify(value);
}

function wrap(line: string, width: number): readonly string[] {
  const lines: string[] = [];
  let current = '';
  for (const word of line.split(' ')) {
    if (current !== '' && current.length + 1 + word.length > width) {
      lines.push(current);
      current = word;
    } else {
      current = current === '' ? word : `${current} ${word}`;
    }
  }
  return [...lines, current];
}
