import { createReadStream } from 'node:fs'
import { parseReference } from '@tsbuild/spec'
import { findProgram } from '@tsbuild/testkit'
import { extract } from 'tar-stream'
import { collect, layerTar, text } from './support.js'

export const without = (program: string) =>
  findProgram(program) === undefined ? `${program} is not installed` : undefined

export const references = [parseReference('app:1'), parseReference('localhost:5000/team/app:2')]

export const tars = async () => [
  await layerTar({ 'hello.txt': 'hello\n', big: text(700_000) }),
  await layerTar({ 'hello.txt': 'changed\n' }),
]

export async function members(path: string): Promise<Record<string, Buffer>> {
  const out: Record<string, Buffer> = {}
  const archive = createReadStream(path).pipe(extract())
  for await (const entry of archive) out[entry.header.name] = await collect(entry as AsyncIterable<Buffer>)
  return out
}
