import type { HealthcheckConfig, SourceRange } from '@tsbuild/spec'
import type { Heredoc, Node } from './nodes/node.js'

/** The character that continues lines and quotes variables. */
export type EscapeToken = '\\' | '`'

/** A parser directive (`# syntax=…`) with its 1-based line; `name` is lower-case. */
export interface Directive {
  readonly name: string
  readonly value: string
  readonly line: number
}

/** A remark of the parser that does not stop it: today only empty lines in a continuation. */
export interface ParseWarning {
  readonly message: string
  readonly range: SourceRange
}

/** A parsed and validated Dockerfile. Everything in it is before variable expansion. */
export interface Dockerfile {
  /** The name it was given, for messages. */
  readonly file: string
  readonly text: string
  readonly directives: readonly Directive[]
  readonly escape: EscapeToken
  /** ARG instructions in front of the first FROM. */
  readonly metaArgs: readonly ArgInstruction[]
  readonly stages: readonly Stage[]
  /** The layer below: one node per logical line. */
  readonly nodes: readonly Node[]
  readonly warnings: readonly ParseWarning[]
}

/** FROM and the instructions up to the next one. */
export interface Stage {
  /** 0-based, as `COPY --from=0` counts. */
  readonly index: number
  /** Lower-case, as it is compared; absent without AS. */
  readonly name?: string
  /** As written, variables included. */
  readonly baseName: string
  /** `--platform` as written, variables included. */
  readonly platform?: string
  readonly from: FromInstruction
  /** Without the FROM itself. */
  readonly instructions: readonly StageInstruction[]
  /** From the FROM to the stage's last instruction. */
  readonly range: SourceRange
  /** The comment above FROM that starts with the stage's name, that name left out. */
  readonly comment?: string
}

/** What each instruction carries. */
export interface InstructionBase {
  /** The keyword as written, e.g. `Run`. */
  readonly keyword: string
  readonly range: SourceRange
  /** The lines of the file, heredoc bodies included, joined with `\n`. */
  readonly source: string
  /** The logical line: continuation lines joined, trimmed. History and step names are made of it. */
  readonly code: string
  /** As written, `--` included, without quotes. */
  readonly flags: readonly string[]
  readonly heredocs: readonly Heredoc[]
  readonly comments: readonly string[]
}

/** What RUN, CMD and ENTRYPOINT run. In shell form SHELL is put in front of `text`; heredoc bodies stand in `heredocs`. */
export type CommandLine =
  | { readonly form: 'shell'; readonly text: string }
  | { readonly form: 'exec'; readonly args: readonly string[] }

export interface KeyValue {
  readonly key: string
  readonly value: string
}

/** One name of an ARG; `value` is absent without `=`, and the empty string behind a bare `=`. */
export interface ArgDeclaration {
  readonly key: string
  readonly value?: string
  /** The comment above that starts with the name, the name left out. */
  readonly comment?: string
}

/** A file written in the Dockerfile itself, as a source of COPY or ADD. `data` is ready to write once expanded. */
export interface InlineFile {
  readonly name: string
  readonly data: string
  readonly expand: boolean
}

export type MountType = 'bind' | 'cache' | 'secret' | 'ssh' | 'tmpfs'
export type CacheSharing = 'shared' | 'private' | 'locked'

/** `--mount=` as written. `from` never has variables and is known before expansion: it makes the stage depend on it. */
export interface MountFlag {
  readonly text: string
  readonly from?: string
}

/** `RUN --mount`, after expansion. */
export interface RunMount {
  readonly type: MountType
  readonly from?: string
  readonly source?: string
  readonly target?: string
  readonly readonly: boolean
  /** `id` of a cache, secret or ssh mount. */
  readonly id?: string
  readonly sharing?: CacheSharing
  readonly required: boolean
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  /** tmpfs only. */
  readonly sizeBytes?: number
  /** secret only: the environment variable that gets it. */
  readonly env?: string
}

/** `RUN --device`; variables mean nothing in it. */
export interface RunDevice {
  readonly name: string
  readonly required: boolean
}

export interface FromInstruction extends InstructionBase {
  readonly kind: 'from'
  readonly baseName: string
  /** Lower-case. */
  readonly stageName?: string
  /** As written. */
  readonly stageNameSource?: string
  /** The AS as written. */
  readonly asKeyword?: string
  readonly platform?: string
}

export interface RunInstruction extends InstructionBase {
  readonly kind: 'run'
  readonly command: CommandLine
  readonly mountFlags: readonly MountFlag[]
  /** Empty until `expandInstruction`: options may have variables. */
  readonly mounts: readonly RunMount[]
  readonly devices: readonly RunDevice[]
  readonly network: 'default' | 'none' | 'host'
  readonly security: 'sandbox' | 'insecure'
}

export interface CmdInstruction extends InstructionBase {
  readonly kind: 'cmd'
  readonly command: CommandLine
}

export interface EntrypointInstruction extends InstructionBase {
  readonly kind: 'entrypoint'
  readonly command: CommandLine
}

/** What COPY and ADD share. */
export interface CopyBase extends InstructionBase {
  readonly sources: readonly string[]
  readonly inlineFiles: readonly InlineFile[]
  readonly destination: string
  readonly chown?: string
  readonly chmod?: string
  readonly link: boolean
  readonly exclude: readonly string[]
}

export interface CopyInstruction extends CopyBase {
  readonly kind: 'copy'
  readonly from?: string
  readonly parents: boolean
}

export interface AddInstruction extends CopyBase {
  readonly kind: 'add'
  readonly checksum?: string
  /** Absent: as the source decides. */
  readonly keepGitDir?: boolean
  /** Absent: local archives are unpacked, downloaded ones not. */
  readonly unpack?: boolean
}

export interface EnvInstruction extends InstructionBase {
  readonly kind: 'env'
  readonly pairs: readonly (KeyValue & { readonly delimiter: '=' | '' })[]
}

export interface LabelInstruction extends InstructionBase {
  readonly kind: 'label'
  readonly pairs: readonly (KeyValue & { readonly delimiter: '=' | '' })[]
}

export interface ArgInstruction extends InstructionBase {
  readonly kind: 'arg'
  readonly args: readonly ArgDeclaration[]
}

export interface WorkdirInstruction extends InstructionBase {
  readonly kind: 'workdir'
  readonly path: string
}

export interface UserInstruction extends InstructionBase {
  readonly kind: 'user'
  readonly user: string
}

export interface ExposeInstruction extends InstructionBase {
  readonly kind: 'expose'
  /** `port[-port][/protocol]`, sorted as written; a word may become several by expansion. */
  readonly ports: readonly string[]
}

export interface VolumeInstruction extends InstructionBase {
  readonly kind: 'volume'
  readonly volumes: readonly string[]
}

export interface StopsignalInstruction extends InstructionBase {
  readonly kind: 'stopsignal'
  readonly signal: string
}

export interface ShellInstruction extends InstructionBase {
  readonly kind: 'shell'
  readonly shell: readonly string[]
}

export interface HealthcheckInstruction extends InstructionBase {
  readonly kind: 'healthcheck'
  /** As it goes into the image config; durations in nanoseconds. */
  readonly healthcheck: HealthcheckConfig
}

export interface OnbuildInstruction extends InstructionBase {
  readonly kind: 'onbuild'
  /** The trigger as text, heredoc bodies included: what the image config keeps. */
  readonly expression: string
  /** Keyword of the trigger in upper case. */
  readonly trigger: string
}

export interface MaintainerInstruction extends InstructionBase {
  readonly kind: 'maintainer'
  readonly name: string
}

/** Whatever may stand in a stage. */
export type StageInstruction =
  | RunInstruction
  | CmdInstruction
  | EntrypointInstruction
  | CopyInstruction
  | AddInstruction
  | EnvInstruction
  | ArgInstruction
  | LabelInstruction
  | WorkdirInstruction
  | UserInstruction
  | ExposeInstruction
  | VolumeInstruction
  | StopsignalInstruction
  | ShellInstruction
  | HealthcheckInstruction
  | OnbuildInstruction
  | MaintainerInstruction

export type Instruction = FromInstruction | StageInstruction
export type InstructionKind = Instruction['kind']
