import { chmod, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hostPlatform } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { rootSkip } from './progress.js'
import { workspace } from './workspace.js'

const folder = '/proc/sys/fs/binfmt_misc'

/** Why a program for arm64 can't run here. */
async function emulatorSkip(): Promise<string | undefined> {
  if (hostPlatform().architecture === 'arm64') return 'this machine is an arm64 one'
  for (const name of await readdir(folder).catch(() => [])) {
    const text = await readFile(join(folder, String(name)), 'utf8').catch(() => '')
    if (/^enabled/.test(text) && /^flags: .*F/m.test(text) && /b700$/m.test(text)) return undefined
  }
  return 'binfmt_misc has no emulator for arm64'
}

const words = (...list: readonly number[]) => Buffer.from(new Uint32Array(list).buffer)

/** A static program for arm64 that prints a line. */
function arm64Program(line: string): Buffer {
  const code = words(
    0xd2800020, // mov x0, 1
    0x100000e1, // adr x1, the text, 28 bytes on
    0xd2800002 | (line.length << 5), // mov x2, its length
    0xd2800808, // mov x8, write
    0xd4000001, // svc 0
    0xd2800000, // mov x0, 0
    0xd2800ba8, // mov x8, exit
    0xd4000001, // svc 0
  )
  const size = 120 + code.length + line.length
  const header = Buffer.alloc(120)
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
  header.writeUInt16LE(2, 16)
  header.writeUInt16LE(183, 18)
  header.writeUInt32LE(1, 20)
  header.writeBigUInt64LE(0x400078n, 24)
  header.writeBigUInt64LE(64n, 32)
  header.writeUInt16LE(64, 52)
  header.writeUInt16LE(56, 54)
  header.writeUInt16LE(1, 56)
  header.writeUInt32LE(1, 64)
  header.writeUInt32LE(5, 68)
  for (const at of [80, 88]) header.writeBigUInt64LE(0x400000n, at)
  for (const at of [96, 104]) header.writeBigUInt64LE(BigInt(size), at)
  header.writeBigUInt64LE(0x1000n, 112)
  return Buffer.concat([header, code, Buffer.from(line)])
}

const skip = rootSkip()
const armSkip = skip ?? (await emulatorSkip())

tests('foreign platforms', (test) => {
  test(
    'RUN for another machine runs under an emulator',
    async () => {
      await using work = await workspace()
      await work.write({ Dockerfile: 'FROM scratch\nCOPY hello /hello\nRUN ["/hello"]\n' })
      await writeFile(join(work.context, 'hello'), arm64Program('hello from arm64\n'))
      await chmod(join(work.context, 'hello'), 0o755)
      const { code, stderr } = await work.tsbuild(['build', '--progress=plain', '--platform=linux/arm64', work.context])
      assert.is(code, 0, stderr)
      assert.match(stderr, /hello from arm64/)
    },
    { skip: armSkip, timeoutMs: 60_000 },
  )

  test(
    'RUN for a machine without an emulator is refused before anything runs, other stages are not',
    async () => {
      await using work = await workspace()
      const refused = 'FROM scratch AS here\nCOPY Dockerfile /\nFROM scratch\nCOPY --from=here / /\nRUN ["/x"]\n'
      await work.write({ Dockerfile: refused })
      const args = ['build', '--progress=plain', '--platform=windows/amd64', '-o', join(work.path, 'out'), work.context]
      const { code, stderr } = await work.tsbuild(args)
      assert.is(code, 1)
      assert.match(stderr, /Dockerfile:5: Cannot run programs for windows\/amd64: .* no emulator for it/)
      assert.not.match(stderr, /COPY Dockerfile \/\n#\d+ (?:DONE|CACHED)/)
      await work.write({ Dockerfile: refused.replace('RUN ["/x"]\n', '') })
      await work.ok(args)
      assert.equal(await readdir(join(work.path, 'out')), ['Dockerfile'])
    },
    { skip, timeoutMs: 60_000 },
  )
})
