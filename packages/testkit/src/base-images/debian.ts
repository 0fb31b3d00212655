import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { command } from './command.js'

/** The Debian release of the base image. */
export const debianSuite = 'bookworm'
const defaultMirror = 'http://deb.debian.org/debian'

/** Writes Debian's smallest system that has apt as a tar. Takes 16 s and downloads 40 MB; the image's sources.list names the
 * mirror that it came from, so that `apt-get update` works in it.
 * @param epoch seconds; files are not newer than this */
export async function makeDebianTar(tar: string, epoch: number): Promise<void> {
  const mirror = await machineMirror()
  await command(
    'mmdebstrap',
    ['--variant=minbase', '--format=tar', '--quiet', '--components=main', debianSuite, tar, mirror],
    { env: { SOURCE_DATE_EPOCH: String(epoch) } },
  )
}

/** The mirror that this machine itself installs this release from, when it does. */
async function machineMirror(apt = '/etc/apt'): Promise<string> {
  const parts = await readdir(join(apt, 'sources.list.d')).catch(() => [])
  const paths = ['sources.list', ...parts.sort().map((name) => `sources.list.d/${name}`)]
  for (const path of paths) {
    const text = await readFile(join(apt, path), 'utf8').catch(() => '')
    const mirror = path.endsWith('.sources') ? mirrorInStanzas(text) : mirrorInLines(text)
    if (mirror !== undefined) return mirror
  }
  return defaultMirror
}

/** sources.list(5), the one-line format. */
export function mirrorInLines(text: string): string | undefined {
  for (const line of text.split('\n')) {
    const match = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(https?:\S+)\s+(\S+)\s+(.*)$/.exec(line)
    if (match?.[2] === debianSuite && match[3]?.split(/\s+/).includes('main')) return match[1]
  }
  return undefined
}

/** sources.list(5), the deb822 format. */
export function mirrorInStanzas(text: string): string | undefined {
  for (const stanza of text.split(/\n\s*\n/)) {
    const field = (name: string): string[] =>
      new RegExp(`^${name}:[ \\t]*(.*)$`, 'im').exec(stanza)?.[1]?.trim().split(/\s+/) ?? []
    const fits = field('Suites').includes(debianSuite) && field('Components').includes('main')
    if (fits && field('Types').includes('deb') && !field('Enabled').includes('no')) {
      return field('URIs').find((uri) => uri.startsWith('http'))
    }
  }
  return undefined
}
