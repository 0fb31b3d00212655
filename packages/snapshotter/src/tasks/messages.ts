import type { DiffID } from '@tsbuild/spec'
import type { LayerFormat } from '../layers/layer.js'

/** A chain on disk, as it is named to a worker: directories of layers (with `fs` in them), lowest first. */
export interface ChainInput {
  readonly format: LayerFormat
  readonly layers: readonly string[]
}

export interface NormaliseInput extends ChainInput {
  readonly upper: string
}

export interface MaterialiseInput extends ChainInput {
  readonly target: string
  /** Also give `target` itself the attributes of the chain's root. */
  readonly root: boolean
  /** File to save the baseline to. */
  readonly baseline?: string
}

export interface DiffInput extends ChainInput {
  readonly tree: string
  /** Gets `fs` and `hidden`. */
  readonly target: string
  readonly baseline: string
  /** The tree is in use: files are copied, not linked, and these mount points in it left out. */
  readonly copy?: { readonly mountPoints: readonly string[] }
}

export interface CopyUpperInput {
  readonly upper: string
  /** An empty directory. */
  readonly target: string
  readonly mountPoints: readonly string[]
}

export interface RewriteInput {
  /** Directory of a committed layer. */
  readonly source: string
  /** Has an empty `fs`. */
  readonly target: string
  /** Seconds since the epoch. */
  readonly maxMtime: number
}

export interface ChangesInput extends ChainInput {
  readonly tree: string
  readonly mountPoints: readonly string[]
}

export interface ApplyInput {
  readonly format: LayerFormat
  /** Holds an empty `fs`. */
  readonly target: string
}

export interface ApplyResult {
  readonly diffId: DiffID
  readonly size: number
  /** Latin-1 paths, one character per byte. */
  readonly implied: readonly string[]
  readonly hasRoot: boolean
  readonly opaqueRoot: boolean
}

export interface CompleteInput extends Omit<ApplyResult, 'diffId' | 'size'> {
  readonly format: LayerFormat
  readonly target: string
  /** Directories of the layers below, when known. */
  readonly below?: readonly string[]
}

export interface PackLayerInput {
  readonly format: LayerFormat
  readonly directory: string
  readonly root: boolean
  readonly maxMtime?: number | undefined
}

export interface PackChainInput extends ChainInput {
  readonly maxMtime?: number | undefined
}
