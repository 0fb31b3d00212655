import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { registryProblem, startRegistry, tempDir } from '../../packages/testkit/dist/index.js'
import { BaseRoots } from './builds/base-images.mjs'
import { runStep } from './builds/step.mjs'

/** Cases that are built side by side. */
const width = 2

/** Builds every case with the CLI as a program, in a root folder of its own that has the base images and an empty cache, and
 * holds each step against what its origin asserts and against what BuildKit made of it. `CONFORMANCE_CASES=bk-add,bud-` takes only
 * cases whose names begin so. */
export async function run(folder, area) {
  const cases = join(folder, 'cases')
  const wanted = (process.env.CONFORMANCE_CASES ?? '').split(',')
  const isWanted = (id) => wanted.some((prefix) => id.startsWith(prefix))
  const queue = readdirSync(cases).filter((id) => isWanted(id) && existsSync(join(cases, id, 'case.json')))
  const work = await tempDir('tsbuild-conformance-')
  const problem = process.getuid?.() === 0 ? registryProblem() : 'needs root'
  const registry = problem === undefined ? await startRegistry() : undefined
  const machine = {
    work: work.path,
    roots: new BaseRoots(work.path, join(folder, 'base')),
    registry: registry?.host,
    problem,
  }
  try {
    const worker = async () => {
      for (let id = queue.shift(); id !== undefined; id = queue.shift())
        await runCase(id, join(cases, id), machine, area)
    }
    await Promise.all(Array.from({ length: width }, worker))
  } finally {
    await registry?.[Symbol.asyncDispose]()
    await work[Symbol.asyncDispose]()
  }
}

async function runCase(id, folder, machine, area) {
  const { steps, base_images: images } = JSON.parse(readFileSync(join(folder, 'case.json'), 'utf8'))
  const golden = readGolden(folder)
  const texts = steps.map(({ dockerfile }) => readFileSync(join(folder, dockerfile), 'utf8'))
  const base = [...images, ...texts].some((text) => /\bdebian\b/.test(text)) ? 'debian' : 'busybox'
  const reason = skipReason(steps, golden, base, texts, machine)
  if (reason !== undefined) return area.skip(id, reason)
  const work = join(machine.work, id)
  mkdirSync(work)
  const root = join(work, 'root')
  try {
    await machine.roots.fill(base, root)
    await area.case(id, async () => {
      const wrong = []
      for (const [at, step] of steps.entries()) {
        const place = { folder, work, root, at, registry: machine.registry, baseLayers: machine.roots.layers }
        const found = await runStep(step, golden[at], place)
        wrong.push(...found.map((text) => `step ${at}: ${text}`))
      }
      if (wrong.length > 0) throw new Error(wrong.join('\n       '))
    })
  } finally {
    await rm(work, { recursive: true, force: true, maxRetries: 3 })
  }
}

function readGolden(folder) {
  const file = join(folder, 'buildkit.json')
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).steps : undefined
}

/** Only what the machine lacks, or what the CLI has no way to ask for. */
function skipReason(steps, golden, base, texts, { roots, registry, problem }) {
  if (golden === undefined) return 'it has no buildkit.json to compare with'
  const attributes = steps.find(({ build }) => build.frontend_attrs)?.build.frontend_attrs
  if (attributes !== undefined) return `the CLI has no way to pass ${Object.keys(attributes).join(', ')}`
  if (registry === undefined && JSON.stringify([steps, texts]).includes('{{REGISTRY}}')) return problem
  return roots.problem(base)
}
