import { mkdir, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createRandom, type Random } from '../random.js'
import type { Workload } from './workload.js'

const pad = (value: number, digits: number): string => String(value).padStart(digits, '0')

/** As many small files as a project with its dependencies has. */
export const copySmall: Workload = {
  name: 'copy-small',
  about: 'COPY of 20,000 files (1–8 KB, 91 MB), and a RUN that counts them',
  base: 'busybox',
  dockerfile: (base) => `FROM ${base}\nCOPY . /src\nRUN find /src -type f | wc -l > /count && cat /count\n`,
  touch: 'part05/unit101/file050.ts',
  async writeFiles(directory) {
    const random = createRandom(1)
    for (let unit = 0; unit < 200; unit++) {
      const folder = join(directory, `part${pad(Math.floor(unit / 20), 2)}`, `unit${pad(unit, 3)}`)
      await mkdir(folder, { recursive: true })
      for (let file = 0; file < 100; file++) {
        await writeFile(join(folder, `file${pad(file, 3)}.ts`), sourceLike(random, random.between(1024, 8192)))
      }
    }
  },
}

/** Text of hex digits: it compresses to half, as source code does at worst. */
function sourceLike(random: Random, length: number): Buffer {
  return Buffer.from(
    random
      .bytes(Math.ceil(length / 2))
      .toString('hex')
      .slice(0, length),
  )
}

const mebibyte = 1024 * 1024

/** Throughput: a gibibyte, of which every other mebibyte compresses to nothing. */
export const copyBig: Workload = {
  name: 'copy-big',
  about: 'COPY of 4 files of 256 MiB, half of it compressible',
  base: 'busybox',
  dockerfile: (base) => `FROM ${base}\nCOPY . /data\n`,
  touch: 'big2.bin',
  async writeFiles(directory) {
    const random = createRandom(2)
    for (let number = 0; number < 4; number++) {
      await using file = await open(join(directory, `big${number}.bin`), 'w')
      for (let pair = 0; pair < 128; pair++) {
        await file.write(random.bytes(mebibyte))
        await file.write(Buffer.alloc(mebibyte, random.bytes(64)))
      }
    }
  },
}
