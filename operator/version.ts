/** Put in by the bundler; absent when the sources run as they are. */
declare const BUILD_REVISION: string | undefined;

/** The same as in `package.json`; a test holds them together. */
export const VERSION = '0.1.0';
export const REVISION: string = typeof BUILD_REVISION === 'undefined' ? 'development' : BUILD_REVISION;
