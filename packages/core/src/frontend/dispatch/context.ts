import type { EscapeToken, StageInstruction } from '@tsbuild/parser'
import type { Vertex } from '@tsbuild/solver'
import type { ResourceLimit, SourceRange } from '@tsbuild/spec'
import type { StepNetwork } from '../../api/build.js'
import type { BuildSandbox, Entitlement } from '../../api.js'
import type { Emulator } from '../../emulation/binfmt.js'
import type { LayerChain } from '../../ops/layers.js'
import type { Env } from '../env.js'
import type { Graph } from '../graph.js'
import type { StageState } from '../stage-state.js'

/** How a step's vertex presents itself. */
export interface StepLabel {
  readonly name: string
  readonly step: string
  readonly source: SourceRange
  readonly ignoreCache: boolean
}

/** What the instructions of a stage have around them. */
export interface StageContext {
  readonly graph: Graph
  readonly given: Readonly<Record<string, string>>
  readonly globals: Env
  readonly escape: EscapeToken
  readonly network: StepNetwork
  readonly extraHosts: readonly (readonly [name: string, address: string])[]
  readonly shmSizeBytes?: number
  readonly limits?: readonly ResourceLimit[]
  readonly sandbox?: BuildSandbox
  readonly allow: readonly Entitlement[]
  /** What the kernel runs programs of other machines with. */
  readonly emulators: () => Promise<readonly Emulator[]>
  /** The files of a stage (by name or index) or of an image. */
  from(name: string): Promise<Vertex<LayerChain>>
  /** Names the next step of the stage. */
  step(instruction: StageInstruction, state: StageState): StepLabel
}
