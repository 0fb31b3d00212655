import { createVertex, type Op, type Vertex } from '@tsbuild/solver'
import type { ResolvedImage } from '../images/resolve-image.js'
import { CopyOp, type CopySpec } from '../ops/copy-op.js'
import { ExecOp, type ExecSpec } from '../ops/exec-op.js'
import type { LayerChain } from '../ops/layers.js'
import { LinkOp } from '../ops/link-op.js'
import { MkdirOp, type MkdirSpec } from '../ops/mkdir-op.js'
import { ScratchOp } from '../ops/scratch-op.js'
import type { OpServices } from '../ops/services.js'
import { SourceImageOp } from '../ops/source-image-op.js'
import type { StepLabel } from './dispatch/context.js'
import type { NamedContext } from './named-context.js'

type ChainVertex = Vertex<LayerChain>

/** Makes the vertices of a build. It knows the ops and nothing of Dockerfile syntax. */
export class Graph {
  readonly #services: OpServices
  readonly scratch: ChainVertex

  constructor(services: OpServices) {
    this.#services = services
    this.scratch = hidden(new ScratchOp(), [], 'scratch')
  }

  image(image: ResolvedImage, label: StepLabel): ChainVertex {
    return createVertex<LayerChain>({
      op: new SourceImageOp(image, this.#services),
      inputs: [],
      ...label,
      ignoreCache: false,
    })
  }

  exec(spec: ExecSpec, inputs: readonly ChainVertex[], label: StepLabel): ChainVertex {
    return createVertex<LayerChain>({ op: new ExecOp(spec, this.#services), inputs, ...label })
  }

  copy(spec: CopySpec, base: ChainVertex, from: ChainVertex | undefined, label: StepLabel): ChainVertex {
    const inputs = [spec.link ? this.scratch : base, ...(from === undefined ? [] : [from])]
    const layer = createVertex<LayerChain>({ op: new CopyOp(spec, this.#services), inputs, ...label })
    return spec.link ? hidden(new LinkOp(), [base, layer], `${label.name} (link)`) : layer
  }

  mkdir(spec: MkdirSpec, base: ChainVertex, label: StepLabel): ChainVertex {
    return createVertex<LayerChain>({ op: new MkdirOp(spec, this.#services), inputs: [base], ...label })
  }

  /** The whole context as a layer of its own: what `RUN --mount=type=bind` shows. */
  contextTree(): ChainVertex {
    const label = { name: '[internal] load build context', step: 'context' }
    return createVertex<LayerChain>({ op: new CopyOp(wholeContext, this.#services), inputs: [this.scratch], ...label })
  }

  /** A further context as a layer of its own. */
  namedTree({ name, directory, ignore }: NamedContext & { kind: 'directory' }): ChainVertex {
    const services: OpServices = { ...this.#services, context: { kind: 'context', directory, ignore } }
    const op = new CopyOp({ ...wholeContext, context: name }, services)
    const label = { name: `[context ${name}] load build context`, step: `context ${name}` }
    return createVertex<LayerChain>({ op, inputs: [this.scratch], ...label })
  }

  /** Files written in the Dockerfile itself, in the root of a layer of their own. */
  inlineFiles(files: readonly { readonly name: string; readonly data: Uint8Array }[], mode: number): ChainVertex {
    const inlineFiles = files.map(({ name, data }) => ({ name, data: Buffer.from(data).toString('utf8') }))
    const spec: CopySpec = { ...wholeContext, sources: [], inlineFiles, chmod: mode.toString(8).padStart(4, '0') }
    return hidden(new CopyOp(spec, this.#services), [this.scratch], 'preparing inline document')
  }
}

const wholeContext: CopySpec = {
  kind: 'copy',
  sources: ['/'],
  inlineFiles: [],
  destination: '/',
  fromInput: false,
  exclude: [],
  parents: false,
  link: false,
  author: '',
}

function hidden(op: Op<LayerChain>, inputs: readonly ChainVertex[], name: string): ChainVertex {
  return createVertex<LayerChain>({ op, inputs, name, step: name, hidden: true })
}
