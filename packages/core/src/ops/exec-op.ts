import type { CacheKeyParts, Difference, KeyContext, Op, RunContext, RunOutput } from '@tsbuild/solver'
import type {
  CanonicalValue,
  JsonValue,
  MissCause,
  NamedInput,
  ResourceLimit,
  Sandbox,
  SecurityMode,
} from '@tsbuild/spec'
import type { StepNetwork } from '../api/build.js'
import { explainExec } from '../explain/exec-cause.js'
import type { CopyRequest, FileSource } from '../files/index.js'
import { chainSource } from './chain-source.js'
import { cacheName, type ExecMount, mountedSecrets, mountKey, openMounts } from './exec-mounts.js'
import { type LayerChain, loadLayer, type SolvedChain } from './layers.js'
import { OutputTail, RunFailedError } from './run-failed-error.js'
import { SecretMask } from './secret-mask.js'
import type { OpServices } from './services.js'
import { openStepNetwork } from './step-network.js'
import { makeLayer } from './with-snapshot.js'

/** Everything of a RUN that decides what it does. */
export interface ExecSpec {
  readonly args: readonly string[]
  /** In the order of the image and the Dockerfile; the names are unique. */
  readonly env: readonly (readonly [name: string, value: string])[]
  /** Which of `env` are build arguments; for explanations, not in the key. */
  readonly buildArgs: readonly string[]
  /** Environment that does not enter the key: proxies. */
  readonly quietEnv: readonly (readonly [name: string, value: string])[]
  readonly cwd: string
  readonly user: string
  readonly network: StepNetwork
  readonly security: SecurityMode
  readonly hostname: string
  readonly extraHosts: readonly (readonly [name: string, address: string])[]
  readonly shmSizeBytes?: number
  readonly limits?: readonly ResourceLimit[]
  readonly sandbox?: Pick<Sandbox, 'seccomp' | 'noNewPrivileges'>
  readonly mounts: readonly ExecMount[]
  /** MAINTAINER in force: layers carry their author, so it belongs to what a step is. */
  readonly author: string
}

interface KeyOptions {
  readonly signal: AbortSignal
  /** The files that the command is about to see count, not what an import says of them. */
  readonly running?: boolean
}

/** A cache mount as a step uses it. */
export interface UsedCacheMount {
  /** Of its first folder. */
  readonly name: string
  readonly id: string
  readonly sharing: 'shared' | 'private' | 'locked'
}

/** RUN: a process in the file system of the first input; what it changes becomes a layer. */
export class ExecOp implements Op<LayerChain> {
  readonly kind = 'exec'
  readonly #spec: ExecSpec
  readonly #services: OpServices

  constructor(spec: ExecSpec, services: OpServices) {
    this.#spec = spec
    this.#services = services
  }

  get attributes(): CanonicalValue {
    const { quietEnv: _, buildArgs: __, mounts, limits, sandbox, ...rest } = this.#spec
    const asked = {
      ...(limits === undefined ? {} : { limits: limits.map(limitKey) }),
      ...(sandbox === undefined ? {} : { sandbox: JSON.stringify(sandbox) }),
    }
    return { ...rest, ...asked, mounts: mounts.map(mountKey) } as CanonicalValue
  }

  get facts(): JsonValue {
    return { args: this.#spec.buildArgs }
  }

  get keyReads(): readonly number[] {
    return this.#spec.mounts.flatMap((mount) => ('input' in mount && mount.input !== undefined ? [mount.input] : []))
  }

  /** The folders of the step's cache mounts.
   * @param inputs of its vertex, solved */
  cacheMounts(inputs: readonly SolvedChain[]): UsedCacheMount[] {
    return this.#spec.mounts.flatMap((mount) =>
      mount.kind === 'cache' ? [{ name: cacheName(mount, inputs), id: mount.id, sharing: mount.sharing }] : [],
    )
  }

  explain(difference: Difference): MissCause | undefined {
    return explainExec(difference, this.#spec)
  }

  cacheKey({ inputs, signal }: KeyContext<LayerChain>): CacheKeyParts | Promise<CacheKeyParts> {
    return this.#keyParts(inputs, { signal })
  }

  #keyParts(inputs: readonly SolvedChain[], options: KeyOptions): CacheKeyParts | Promise<CacheKeyParts> {
    const base = inputs[0]
    const fixed: NamedInput[] = [
      { name: 'base', value: base?.key ?? null },
      { name: 'command', value: this.#spec.args },
      ...this.#spec.env.map(([name, value]) => ({ name: `env ${name}`, value })),
      { name: 'user', value: this.#spec.user },
      { name: 'working directory', value: this.#spec.cwd },
      { name: 'network', value: this.#spec.network },
      { name: 'author', value: this.#spec.author },
    ]
    const madeOn = base === undefined ? [] : [base.result.id]
    if (inputs.length <= 1) return { inputs: fixed, madeOn }
    return this.#mountInputs(inputs, options).then((more) => ({ inputs: [...fixed, ...more], madeOn }))
  }

  /** A mounted stage counts by the content of the path that is mounted. */
  async #mountInputs(inputs: readonly SolvedChain[], { signal, running = false }: KeyOptions): Promise<NamedInput[]> {
    const { files } = this.#services
    const out: NamedInput[] = []
    for (const [index, mount] of this.#spec.mounts.entries()) {
      const input = 'input' in mount && mount.input !== undefined ? inputs[mount.input] : undefined
      if (input === undefined || !('subpath' in mount)) continue
      // A cache that is here already does not start from them.
      const believe = running && mount.kind === 'bind' ? 'own' : 'all'
      const { digest } = await files.digest(wholeOf(chainSource(input.result, this.#services), mount.subpath), {
        signal,
        believe,
      })
      out.push({ name: `mount ${index} ${mount.target}`, value: digest })
    }
    return out
  }

  load(value: JsonValue, inputs: readonly SolvedChain[]): LayerChain | undefined {
    return loadLayer(value, inputs[0], this.#services)
  }

  async run({ inputs, signal, log, progress }: RunContext<LayerChain>): Promise<RunOutput<LayerChain>> {
    const services = this.#services
    const [base] = inputs
    if (base === undefined) throw new TypeError('an exec vertex needs its root as first input')
    const spec = this.#spec
    const tail = new OutputTail()
    const mask = new SecretMask(mountedSecrets(spec.mounts, services.secrets))
    const show = (stream: 'stdout' | 'stderr', chunk: Uint8Array) => {
      if (chunk.length === 0) return
      tail.add(chunk)
      log(stream, chunk)
    }
    const keyParts = await this.#keyParts(inputs, { signal, running: true })
    await using open = await openMounts(spec.mounts, inputs, { ...services, signal })
    const runtime = await services.runtime()
    const made = await makeLayer(services, base.result, { signal, progress }, async (root) => {
      await using network = await openStepNetwork(spec.network, spec.extraHosts, { ...services.workers, signal })
      const status = await runtime.run(
        {
          root,
          args: spec.args,
          env: [...[...spec.quietEnv, ...spec.env].map(([name, value]) => `${name}=${value}`), ...open.env],
          cwd: spec.cwd,
          user: spec.user,
          security: spec.security,
          hostname: spec.hostname,
          ...network.spec,
          mounts: open.mounts,
          ...(spec.shmSizeBytes === undefined ? {} : { shmSizeBytes: spec.shmSizeBytes }),
          ...(spec.limits === undefined ? {} : { limits: spec.limits }),
          ...(spec.sandbox === undefined ? {} : { sandbox: spec.sandbox }),
        },
        {
          signal,
          onOutput: (stream, chunk) => show(stream, mask.add(stream, chunk)),
        },
      )
      for (const stream of ['stdout', 'stderr'] as const) show(stream, mask.end(stream))
      if (status.code !== 0) {
        // Asked while what the command wrote is still there.
        const cause = await services.fullDisk(tail.text())
        throw new RunFailedError(spec.args.join(' '), status.code, tail.text(), cause === undefined ? {} : { cause })
      }
    })
    services.onLayer(made.layer)
    return { result: made.chain, value: { layer: made.layer }, sizeBytes: made.usage.bytes, keyParts }
  }
}

/** -1 is unlimited, as the flag has it. */
function limitKey({ name, soft, hard }: ResourceLimit): CanonicalValue {
  return [name, ...[soft, hard].map((value) => (Number.isFinite(value) ? value : -1))]
}

/** All that lies at a path of a tree. */
function wholeOf(source: FileSource, path: string): CopyRequest {
  return {
    kind: 'copy',
    source,
    sources: [path],
    literal: true,
    inlineFiles: [],
    destination: '/',
    exclude: [],
    parents: false,
  }
}
