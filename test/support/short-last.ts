import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Files without servers last: they are many and short, so that no worker works on alone at the end of the run. By the
 * names of the projects, as Vitest does it, the end would be the longest files of one broker.
 */
export class ShortLast extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isShort = ({ project }: TestSpecification): boolean => project.name === 'unit';
    return [...sorted.filter((file) => !isShort(file)), ...sorted.filter(isShort)];
  }
}
