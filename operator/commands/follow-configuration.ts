import { isDeepStrictEqual } from 'node:util';
import type { OperatorConfiguration } from '../policy/operator-configuration.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Clock } from '../time/clock.ts';
import {
  type ConfigurationOptions,
  describeErrors,
  type FileContent,
  judgeConfiguration,
  readContent,
} from './read-configuration.ts';

export interface FollowConfigurationParts {
  readonly options: ConfigurationOptions;
  /** The configuration in force. */
  readonly configuration: OperatorConfiguration;
  /** Takes another configuration, which is in force when this returns. */
  readonly onChange: (configuration: OperatorConfiguration) => void;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'noteReload'>;
}

const pollMs = 1_000;

/**
 * Follows the administrator's file by what it holds, so that it does not matter how it is replaced: in place, by a
 * rename, or by the swapped link of a mounted ConfigMap. A bad file leaves the configuration in force as it is, and says
 * so once. Returns what ends the following.
 */
export function followConfiguration(parts: FollowConfigurationParts): () => void {
  const { options, onChange, clock, log, metrics } = parts;
  const { configFile: file } = options;
  let inForce = parts.configuration;
  let seen: FileContent | undefined;
  let judged: FileContent | undefined;
  let cancel = (): void => undefined;
  let isOver = false;

  async function look(path: string): Promise<void> {
    const content = await readContent(path);
    if (isOver) return;
    // Half a file can be good YAML that allows more than the whole: what is still being written is left alone.
    const isSettled = isDeepStrictEqual(content, seen);
    seen = content;
    if (isSettled && !isDeepStrictEqual(content, judged)) {
      takeSafely(path, content);
      judged = content;
    }
    cancel = clock.after(pollMs, () => void look(path));
  }

  function take(path: string, content: FileContent): void {
    const decoded = judgeConfiguration(content, options.publicURL);
    if (!decoded.ok) {
      metrics.noteReload(false, clock.nowMs());
      const problems = describeErrors(path, decoded.errors).join('; ');
      log.error('configuration not replaced: the old one stays in force', { problems });
      return;
    }
    const isNew = !isDeepStrictEqual(decoded.value, inForce);
    if (isNew) onChange(decoded.value);
    inForce = decoded.value;
    metrics.noteReload(true, clock.nowMs());
    if (isNew) log.info('configuration replaced');
    // The first look finds what was read at the start.
    else if (judged !== undefined) log.info('configuration read again: it says what is in force');
  }

  /** A bug of ours must not end the process, nor the following. */
  function takeSafely(path: string, content: FileContent): void {
    try {
      take(path, content);
    } catch (error) {
      metrics.noteReload(false, clock.nowMs());
      log.error('taking over the configuration failed', {
        error: error instanceof Error ? error.stack : undefined,
      });
    }
  }

  metrics.noteReload(true, clock.nowMs());
  if (file !== undefined) void look(file);
  return () => {
    isOver = true;
    cancel();
  };
}
