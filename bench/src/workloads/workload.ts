import type { BaseImageName } from '@tsbuild/testkit'

/** Something to build: a folder with a Dockerfile, the same bytes each time it is made. */
export interface Workload {
  readonly name: string
  /** What it exercises, for the table's reader. */
  readonly about: string
  readonly base: BaseImageName
  /** The Dockerfile for a base image of this name. */
  dockerfile(base: string): string
  /** Writes the files that the Dockerfile copies. */
  writeFiles?(directory: string): Promise<void>
  /** A file to edit for the scenario "one file touched", relative to the folder. */
  readonly touch?: string
}
