import { createLogger as createWinston, format, transports } from 'winston';

/** Values that may accompany a message. Never a token, a claim value or a secret. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Constant messages; what varies goes into the fields. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export const logFormats = ['json', 'text'] as const;
export type LogLevel = (typeof logLevels)[number];
export type LogFormat = (typeof logFormats)[number];

/** A last net under the rule that no token is ever logged: whatever looks like a JWT is cut out. */
export function redact(text: string): string {
  return text.replace(/eyJ[A-Za-z0-9_-]{5,}(\.[A-Za-z0-9_-]*)*/g, '[redacted]');
}

/** Logs to standard error; standard output belongs to what a command prints. */
export function createLogger(level: LogLevel, logFormat: LogFormat): Logger {
  const redacted = format((info) => {
    for (const [name, value] of Object.entries(info))
      if (typeof value === 'string') info[name] = redact(value);
    return info;
  });
  const layout = logFormat === 'json' ? format.json() : format.printf(renderText);
  return createWinston({
    level,
    format: format.combine(redacted(), format.timestamp(), layout),
    transports: [new transports.Console({ stderrLevels: [...logLevels] })],
  });
}

function renderText({ timestamp, level, message, ...fields }: Record<string, unknown>): string {
  const rest = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [` ${name}=${typeof value === 'string' ? quote(value) : String(value)}`],
  );
  return `${String(timestamp)} ${String(level).padEnd(5)} ${String(message)}${rest.join('')}`;
}

/** Quoted when needed, so that a value cannot look like another field or another line. */
function quote(value: string): string {
  return /^[\w./:@-]+$/.test(value) ? value : JSON.stringify(value);
}
