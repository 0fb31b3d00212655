import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode, parsePlatform } from '@tsbuild/spec'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { type Emulator, emulatorFor, parseRegistration } from '../dist/emulation/binfmt.js'
import { checkRunnable } from '../dist/emulation/check-runnable.js'
import { readEmulators } from '../dist/emulation/read-emulators.js'

/** As the kernel shows what Debian's qemu-user-static registers. */
function registration(magic: string, mask: string, { flags = 'POF', state = 'enabled' } = {}): string {
  return `${state}\ninterpreter /usr/libexec/qemu\nflags: ${flags}\noffset 0\nmagic ${magic}\nmask ${mask}\n`
}

const little = 'ffffffffffffff00fffffffffffffffffeffffff'
const big = 'fffffffffffffffcfffffffffffffffffffeffff'
const known: Record<string, [magic: string, mask: string]> = {
  'linux/arm64': ['7f454c460201010000000000000000000200b700', little],
  'linux/arm/v7': ['7f454c4601010100000000000000000002002800', little],
  'linux/386': ['7f454c4601010100000000000000000002000300', little],
  'linux/riscv64': ['7f454c460201010000000000000000000200f300', little],
  'linux/ppc64le': ['7f454c4602010100000000000000000002001500', 'fffffffffffffffcfffffffffffffffffeffff00'],
  'linux/mips64le': ['7f454c4602010100000000000000000002000800', 'ffffffffffffff00fefffffffffffffffeffffff'],
  'linux/loong64': ['7f454c4602010100000000000000000002000201', 'fffffffffffffffc00fffffffffffffffeffffff'],
  'linux/s390x': ['7f454c4602020100000000000000000000020016', big],
  'linux/ppc64': ['7f454c4602020100000000000000000000020015', big],
  'linux/mips': ['7f454c4601020100000000000000000000020008', 'ffffffffffffff00fffffffffffffffffffeffff'],
}

function emulators(options = {}): Emulator[] {
  return Object.entries(known).flatMap(
    ([name, [magic, mask]]) => parseRegistration(name, registration(magic, mask, options)) ?? [],
  )
}

tests('emulation', (test) => {
  for (const platform of Object.keys(known)) {
    test(`emulatorFor() finds the emulator of ${platform} among others`, () => {
      assert.is(emulatorFor(parsePlatform(platform), emulators())?.name, platform)
    })
  }

  for (const platform of ['linux/amd64', 'linux/wasm', 'windows/arm64', 'linux/constructor'])
    test(`emulatorFor() finds none for ${platform}`, () =>
      assert.is(emulatorFor(parsePlatform(platform), emulators()), undefined))

  test('parseRegistration() knows flags, offset and a missing mask, and leaves out what is disabled or goes by name', () => {
    const text = 'enabled\ninterpreter /a b/c\nflags: OCF\noffset 4\nmagic 0102\n'
    const found = parseRegistration('x', text)
    assert.equal(
      [found?.interpreter, found?.fixed, found?.offset, found?.magic.length, [...(found?.mask ?? [])]],
      ['/a b/c', true, 4, 2, [255, 255]],
    )
    assert.is(parseRegistration('x', text.replace('OCF', ''))?.fixed, false)
    assert.is(parseRegistration('x', text.replace('enabled', 'disabled')), undefined)
    assert.is(parseRegistration('x', 'enabled\ninterpreter /a\nflags: \nextension .py\n'), undefined)
    assert.is(parseRegistration('x', ''), undefined)
  })

  test('emulatorFor() prefers an emulator that works in any root file system', () => {
    const name = 'linux/arm64'
    const [magic, mask] = known[name]!
    const loose = parseRegistration('loose', registration(magic, mask, { flags: '' }))!
    const fixed = parseRegistration('fixed', registration(magic, mask))!
    assert.is(emulatorFor(parsePlatform(name), [loose, fixed])?.name, 'fixed')
    assert.is(emulatorFor(parsePlatform(name), [loose])?.name, 'loose')
  })

  test('checkRunnable() refuses what has no emulator that works everywhere, and says what to do', async () => {
    const host = parsePlatform('linux/amd64')
    const arm = parsePlatform('linux/arm64')
    const refused = async (list: readonly Emulator[]) => {
      const error: unknown = await checkRunnable(arm, async () => list, host).catch((cause: unknown) => cause)
      assert.ok(hasCode(error, 'PLATFORM_UNSUPPORTED'))
      return `${error.message}\n${error.hint}`
    }
    assert.match(await refused([]), /binfmt_misc has no emulator for it\n.*qemu-user-static/)
    assert.match(
      await refused(emulators({ flags: 'PO' })),
      /not found in other root file systems\nRegister it with flag F/,
    )
    await checkRunnable(arm, async () => emulators(), host)
    await checkRunnable(host, () => Promise.reject(new Error('not asked')), host)
  })

  test('readEmulators() reads the registrations of a folder, and none where emulation is off', async () => {
    await using dir = await tempDir()
    assert.equal(await readEmulators(join(dir.path, 'missing')), [])
    const folder = join(dir.path, 'binfmt_misc')
    await mkdir(folder)
    const [magic, mask] = known['linux/arm64']!
    await writeFile(join(folder, 'qemu-aarch64'), registration(magic, mask))
    await writeFile(join(folder, 'off'), registration(magic, mask, { state: 'disabled' }))
    await writeFile(join(folder, 'register'), '')
    assert.equal(await readEmulators(folder), [])
    await writeFile(join(folder, 'status'), 'enabled\n')
    assert.equal(
      (await readEmulators(folder)).map(({ name }) => name),
      ['qemu-aarch64'],
    )
    await writeFile(join(folder, 'status'), 'disabled\n')
    assert.equal(await readEmulators(folder), [])
  })
})
