import { isJsonObject } from '../json/json-object.ts';
import type { ServiceData, ServicePort } from './inputs.ts';

/**
 * Reads what counts of a Service, with the API server's defaults; what has another type than it must have is missing.
 *
 * @param spec - the `spec` of the object.
 */
export function readService(spec: unknown): ServiceData {
  const { type, clusterIP, selector, ports } = isJsonObject(spec) ? spec : {};
  return {
    type: typeof type === 'string' ? type : 'ClusterIP',
    ...(typeof clusterIP === 'string' ? { clusterIP } : {}),
    hasSelector: isJsonObject(selector) && Object.keys(selector).length > 0,
    ports: (Array.isArray(ports) ? ports : []).flatMap(readPort),
  };
}

function readPort(entry: unknown): readonly ServicePort[] {
  const { port, appProtocol, protocol } = isJsonObject(entry) ? entry : {};
  if (typeof port !== 'number') return [];
  return [
    {
      port,
      // Not missing, whatever it is: then it would be taken for plain HTTP.
      ...(appProtocol === undefined || appProtocol === null ? {} : { appProtocol: String(appProtocol) }),
      protocol: typeof protocol === 'string' ? protocol : 'TCP',
    },
  ];
}
