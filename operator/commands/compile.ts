import { text } from 'node:stream/consumers';
import { type CompileOptions, UsageError } from '../options.ts';
import { compile } from '../policy/compile.ts';
import { type ManifestFile, readManifests } from '../standalone/manifests.ts';
import { describeProblem } from './describe-problem.ts';
import { readConfiguration } from './read-configuration.ts';
import { renderCompilation } from './render-compilation.ts';
