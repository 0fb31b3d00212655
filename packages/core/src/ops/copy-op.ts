import type { CacheKeyParts, Difference, KeyContext, Op, RunContext, RunOutput } from '@tsbuild/solver'
import type { CanonicalValue, JsonValue, MissCause } from '@tsbuild/spec'
import { explainCopy } from '../explain/copy-cause.js'
import type { CopyRequest } from '../files/index.js'
import { chainSource } from './chain-source.js'
import { type LayerChain, loadLayer, type SolvedChain } from './layers.js'
import type { OpServices } from './services.js'
import { makeLayer } from './with-snapshot.js'

/** Everything of a COPY or ADD that decides what it does. */
export interface CopySpec {
  readonly kind: 'copy' | 'add'
  /** As written, variables expanded; for ADD URLs and git repositories, too. */
  readonly sources: readonly string[]
  readonly inlineFiles: readonly { readonly name: string; readonly data: string }[]
  /** Absolute; ends with a slash where it names a directory. */
  readonly destination: string
  /** Name of the context that the files come from, when it is not the build's own. */
  readonly context?: string
  /** The files come from the vertex's second input, not from the context. */
  readonly fromInput: boolean
  readonly exclude: readonly string[]
  readonly chown?: string
  readonly chmod?: string
  readonly parents: boolean
  readonly unpack?: boolean
  readonly checksum?: string
  readonly keepGitDir?: boolean
  readonly link: boolean
  readonly author: string
}

/** COPY and ADD. The key has the content of exactly the paths used, so a stage that was built again with the same output,
 * or a touched file, makes no difference. */
export class CopyOp implements Op<LayerChain> {
  readonly kind: string
  readonly attributes: CanonicalValue
  readonly keyReads: readonly number[]
  readonly explainsLate = true
  readonly #spec: CopySpec
  readonly #services: OpServices

  constructor(spec: CopySpec, services: OpServices) {
    this.#spec = spec
    this.#services = services
    this.kind = spec.kind
    this.attributes = { ...spec }
    this.keyReads = spec.fromInput ? [1] : []
  }

  explain(difference: Difference): MissCause | undefined {
    return explainCopy(difference, this.#services.files.listings)
  }

  async cacheKey({ inputs, signal }: KeyContext<LayerChain>): Promise<CacheKeyParts> {
    const content = await this.#services.files.digest(this.#request(inputs), { signal })
    return this.#parts(inputs, content)
  }

  async lookCloser({ inputs, signal }: KeyContext<LayerChain>): Promise<void> {
    await this.#services.files.digest(this.#request(inputs), { signal, list: true })
  }

  #parts([base]: readonly SolvedChain[], content: { readonly inputs: CacheKeyParts['inputs'] }): CacheKeyParts {
    const { destination, chown = '', chmod = '', author } = this.#spec
    return {
      inputs: [
        { name: 'base', value: base?.key ?? null },
        { name: 'destination', value: destination },
        { name: 'chown', value: chown },
        { name: 'chmod', value: chmod },
        { name: 'author', value: author },
        ...content.inputs,
      ],
      madeOn: base === undefined ? [] : [base.result.id],
    }
  }

  load(value: JsonValue, inputs: readonly SolvedChain[]): LayerChain | undefined {
    return loadLayer(value, inputs[0], this.#services)
  }

  async run({ inputs, signal, progress }: RunContext<LayerChain>): Promise<RunOutput<LayerChain>> {
    const [base] = inputs
    if (base === undefined) throw new TypeError('a copy vertex needs its root as first input')
    const { files, onLayer } = this.#services
    const request = this.#request(inputs)
    const onProgress = (bytes: number, total?: number) => progress('copying', bytes, total)
    for (let attempt = 1; ; attempt++) {
      // The context may be edited while it is copied, and what is known of another stage's files may be wrong: then the digest is taken
      // of the files as they are, and the step starts over.
      const believe = attempt === 1 ? 'all' : 'nothing'
      const content = await files.digest(request, { signal, list: true, believe })
      try {
        const made = await makeLayer(this.#services, base.result, { signal, progress }, (mount) =>
          files.copy(mount, request, { signal, onProgress, expected: content.digest }),
        )
        onLayer(made.layer)
        const { bytes } = made.usage
        return {
          result: made.chain,
          value: { layer: made.layer },
          sizeBytes: bytes,
          keyParts: this.#parts(inputs, content),
        }
      } catch (error) {
        if (attempt === 3 || !isChanged(error)) throw error
      }
    }
  }

  #request(inputs: readonly SolvedChain[]): CopyRequest {
    const spec = this.#spec
    const from = spec.fromInput ? inputs[1]?.result : undefined
    return {
      ...spec,
      git: this.#services.git,
      http: this.#services.http,
      source: from === undefined ? this.#services.context : chainSource(from, this.#services),
    }
  }
}

function isChanged(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'CONTEXT_CHANGED'
}
