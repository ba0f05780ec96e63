import type { LogFields, Logger } from '../../operator/telemetry/log.ts';

export interface LogLine {
  readonly level: keyof Logger;
  readonly message: string;
  readonly fields?: LogFields;
}

/** A logger that keeps its lines. */
export function createRecordingLog(): Logger & { readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = [];
  const at =
    (level: keyof Logger) =>
    (message: string, fields?: LogFields): void => {
      lines.push({ level, message, ...(fields && { fields }) });
    };
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
