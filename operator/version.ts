import metadata from '../package.json' with { type: 'json' };

/** Put in by the bundler; absent when the sources run as they are. */
declare const BUILD_REVISION: string | undefined;

export const VERSION: string = metadata.version;
export const REVISION: string = typeof BUILD_REVISION === 'undefined' ? 'development' : BUILD_REVISION;
