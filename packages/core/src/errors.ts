import { type ErrorDetails, type SourceRange, TsbuildError } from '@tsbuild/spec'

export type CoreErrorCode =
  | 'ARCHIVE_INVALID'
  | 'CACHE_INVALID'
  | 'CHECKSUM_MISMATCH'
  | 'CONFIG_INVALID'
  | 'COMMAND_FAILED'
  | 'COMMAND_MISSING'
  | 'CONTAINER_AMBIGUOUS'
  | 'CONTAINER_EXISTS'
  | 'CONTAINER_FAILED'
  | 'CONTAINER_GONE'
  | 'CONTAINER_MOUNTED'
  | 'CONTAINER_NOT_FOUND'
  | 'CONTAINER_NOT_RUNNING'
  | 'CONTAINER_RUNNING'
  | 'CONTEXT_CHANGED'
  | 'CONTEXT_NOT_FOUND'
  | 'CONTEXT_UNREADABLE'
  | 'COPY_INVALID'
  | 'COPY_SOURCE_NOT_FOUND'
  | 'DISK_FULL'
  | 'DOCKERFILE_INVALID'
  | 'DOCKERFILE_NOT_FOUND'
  | 'DOWNLOAD_FAILED'
  | 'ENGINE_CLOSED'
  | 'GIT_URL_INVALID'
  | 'ENTITLEMENT_MISSING'
  | 'IMAGE_NOT_FOUND'
  | 'IMAGE_INVALID'
  | 'IMAGE_IN_USE'
  | 'MANIFEST_LIST_EXISTS'
  | 'MANIFEST_LIST_NOT_FOUND'
  | 'OPTION_INVALID'
  | 'OUTPUT_FAILED'
  | 'PLATFORM_UNSUPPORTED'
  | 'ROOT_UNUSABLE'
  | 'SSH_UNAVAILABLE'
  | 'STAGE_NOT_FOUND'
  | 'UNSUPPORTED'
  | 'USER_NOT_FOUND'

/** What the facade itself refuses or finds broken; errors of the packages below pass through as they are. */
export class CoreError extends TsbuildError<CoreErrorCode> {}

export interface StepFailureDetails extends ErrorDetails {
  readonly step: string
  readonly source?: SourceRange
  readonly exitCode?: number
  readonly output?: string
  readonly excerpt?: string
}

/** A step of a build failed: which one, where it stands, and what it said last. `cause` is the error of the step itself. */
export class BuildError extends TsbuildError<'BUILD_FAILED'> {
  /** Name as progress shows it. */
  readonly step: string
  readonly source?: SourceRange
  /** Exit code of a RUN's command. */
  readonly exitCode?: number
  /** The last lines that a RUN printed, at most 4 KiB. */
  readonly output?: string
  /** The lines of the Dockerfile around the step, with `>>>` before those that it spans. */
  readonly excerpt?: string

  constructor(message: string, { step, source, exitCode, output, excerpt, ...details }: StepFailureDetails) {
    super('BUILD_FAILED', message, details)
    this.step = step
    if (source !== undefined) this.source = source
    if (exitCode !== undefined) this.exitCode = exitCode
    if (output !== undefined) this.output = output
    if (excerpt !== undefined) this.excerpt = excerpt
  }
}
