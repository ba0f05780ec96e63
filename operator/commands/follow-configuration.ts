import { isDeepStrictEqual } from 'node:util';
import type { OperatorConfiguration } from '../policy/operator-configuration.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Clock } from '../time/clock.ts';
import { type FileContent, readContent } from './file-content.ts';
import { followContent } from './follow-content.ts';
import { type ConfigurationOptions, describeErrors, judgeConfiguration } from './read-configuration.ts';

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

/**
 * Follows the administrator's file. A bad one leaves the configuration in force as it is, and says so once. Returns what
 * ends the following.
 */
export function followConfiguration(parts: FollowConfigurationParts): () => void {
  const { options, onChange, clock, log, metrics } = parts;
  const { configFile: file } = options;
  let inForce = parts.configuration;
  let isFirst = true;

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
    // At first there is what was read at the start.
    else if (!isFirst) log.info('configuration read again: it says what is in force');
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
  if (file === undefined) return () => undefined;
  return followContent({
    read: () => readContent(file),
    onChange(content) {
      takeSafely(file, content);
      isFirst = false;
    },
    clock,
  });
}
