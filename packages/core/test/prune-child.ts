// Builds or prunes on a root folder, as a process of its own: `node prune-child.js ROOT DIRECTORY SEED ROUNDS`.
import { createHash } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openEngine } from '@tsbuild/core'

const [root = '', directory = '', seed = '', rounds = ''] = process.argv.slice(2)
const dest = join(directory, `out-${seed}`)

/** The same numbers for the same seed. */
function random(n: number, below: number): number {
  return createHash('sha256').update(`${seed}/${n}`).digest().readUInt32BE() % below
}

await using engine = await openEngine({ root, gc: false })
for (let round = 0; round < Number(rounds); round++) {
  const act = random(round, 10)
  if (act < 3) await engine.cache.prune({ all: act === 0, ...(act === 1 ? { maxUsedBytes: 2000 } : {}) })
  else {
    // A few graphs that share their first steps, so that processes take what others have made, and prune it.
    const [a, b] = [random(1000 + round, 3), random(2000 + round, 3)]
    const steps = [`COPY f${a} /one`, `COPY f${b} /two`, `WORKDIR /d${b}`, 'COPY f0 f1 .']
    await engine.build({
      context: join(directory, 'context'),
      dockerfileText: `FROM scratch AS base\n${steps.join('\n')}\nFROM scratch\nCOPY --from=base / /all\n`,
      tags: act === 9 ? [`app:${seed}`] : [],
      outputs: [{ type: 'local', dest }, ...(act === 9 ? [{ type: 'image' as const }] : [])],
    })
    const files = { one: `f${a}`, two: `f${b}`, [`d${b}/f0`]: 'f0', [`d${b}/f1`]: 'f1' }
    for (const [file, name] of Object.entries(files)) {
      const [made, wanted] = await Promise.all([
        readFile(join(dest, 'all', file), 'utf8'),
        readFile(join(directory, 'context', name), 'utf8'),
      ])
      if (made !== wanted) throw new Error(`${file} is not ${name}`)
    }
    await rm(dest, { recursive: true })
  }
  await writeFile(join(directory, `round-${seed}`), String(round + 1))
}
