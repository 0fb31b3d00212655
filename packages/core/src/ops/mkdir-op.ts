import type { CacheKeyParts, Difference, KeyContext, Op, RunContext, RunOutput } from '@tsbuild/solver'
import type { CanonicalValue, JsonValue, MissCause } from '@tsbuild/spec'
import { type LayerChain, loadLayer, type SolvedChain } from './layers.js'
import type { OpServices } from './services.js'
import { makeLayer } from './with-snapshot.js'

export interface MkdirSpec {
  /** Absolute path in the image. */
  readonly path: string
  /** USER in force: owns what is created. */
  readonly user: string
  readonly author: string
}

/** WORKDIR: a directory and its missing parents. */
export class MkdirOp implements Op<LayerChain> {
  readonly kind = 'mkdir'
  readonly keyReads = []
  readonly attributes: CanonicalValue
  readonly #spec: MkdirSpec
  readonly #services: OpServices

  constructor(spec: MkdirSpec, services: OpServices) {
    this.#spec = spec
    this.#services = services
    this.attributes = { ...spec }
  }

  cacheKey({ inputs: [base] }: KeyContext<LayerChain>): CacheKeyParts {
    const { path, user, author } = this.#spec
    return {
      inputs: [
        { name: 'base', value: base?.key ?? null },
        { name: 'path', value: path },
        { name: 'user', value: user },
        { name: 'author', value: author },
      ],
      madeOn: base === undefined ? [] : [base.result.id],
    }
  }

  explain({ name }: Difference): MissCause | undefined {
    return name === 'path' ? { kind: 'instruction' } : undefined
  }

  load(value: JsonValue, inputs: readonly SolvedChain[]): LayerChain | undefined {
    return loadLayer(value, inputs[0], this.#services)
  }

  async run({ inputs: [base], ...context }: RunContext<LayerChain>): Promise<RunOutput<LayerChain>> {
    if (base === undefined) throw new TypeError('a mkdir vertex needs its root as input')
    const { files, onLayer } = this.#services
    const { path, user } = this.#spec
    const made = await makeLayer(this.#services, base.result, context, (mount) =>
      files.makeDirectory(mount, path, { user, mode: 0o755, signal: context.signal }),
    )
    onLayer(made.layer)
    return { result: made.chain, value: { layer: made.layer }, sizeBytes: made.usage.bytes }
  }
}
