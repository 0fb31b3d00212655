import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { randomNumbers } from './random.js'

const dockerfile = (round: number) =>
  `FROM bb\nRUN mkdir /made && echo ${round} > /made/round\nCOPY file /file\nCOPY sub /sub\nENV ROUND=${round}\n`

/** Writes the context of a round; each has content that no other has, the same whenever it is written. */
export async function writeContext(path: string, round: number, text = dockerfile(round)): Promise<void> {
  await mkdir(join(path, 'sub'), { recursive: true })
  await writeFile(join(path, 'Dockerfile'), text)
  await writeFile(join(path, 'file'), `file of ${round}\n`)
  await writeFile(join(path, 'sub/large'), noise(round))
}

/** 200,000 bytes that do not compress. */
function noise(round: number): Buffer {
  const random = randomNumbers(round)
  const bytes = Buffer.allocUnsafe(200_000)
  for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE(Math.floor(random() * 2 ** 32), at)
  return bytes
}
