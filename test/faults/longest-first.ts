import { BaseSequencer, type TestSpecification } from 'vitest/node';

const longest = ['rest', 'api-server', 'refusals', 'watches', 'replicas'].map(
  (name) => `/test/faults/${name}.test.ts`,
);

/**
 * Lets the longest rows begin first. `rest` lasts about as long as all that can run beside it, and is the smallest of the
 * files: left to themselves they begin by their size, and it would begin when the others have ended.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const index = longest.findIndex((path) => moduleId.endsWith(path));
      return index < 0 ? longest.length : index;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}
