import { formatPlatform, type Platform, parsePlatform } from '@tsbuild/spec'
import type { Annotation } from '../api.js'
import { CoreError } from '../errors.js'

type Place = NonNullable<Annotation['on']>
type Values = Readonly<Record<string, string>>

/** Values of the annotations that stand at a place, for one platform where it is given; those for it alone win. */
export function annotationsAt(list: readonly Annotation[], place: Place, platform?: Platform): Values {
  const here = list.filter(({ on = 'manifest' }) => on === place)
  const own = platform === undefined ? undefined : formatPlatform(platform)
  const general = here.filter((one) => one.platform === undefined)
  const special = here.filter((one) => one.platform !== undefined && formatted(one.platform) === own)
  return Object.fromEntries([...general, ...special].map(({ key, value }) => [key, value]))
}

/** Refuses annotations that nothing would carry, before anything is built for them.
 * @throws {CoreError} `OPTION_INVALID`, {SpecError} `PLATFORM_INVALID` */
export function checkAnnotations(list: readonly Annotation[], platforms: readonly Platform[]): void {
  const built = platforms.map(formatPlatform)
  for (const { key, on = 'manifest', platform } of list) {
    if (key === '') throw new CoreError('OPTION_INVALID', 'Cannot annotate the image: an annotation has no key')
    const onIndex = on === 'index' || on === 'index-descriptor'
    if (onIndex && built.length < 2) {
      throw invalid(key, 'an image for one platform has no index', 'Annotate the manifest, or build several platforms')
    }
    if (platform === undefined) continue
    if (onIndex) throw invalid(key, 'an index is of all platforms', `Leave out [${platform}]`)
    if (!built.includes(formatted(platform)))
      throw invalid(key, `nothing is built for ${platform}`, `Built is ${built.join(', ')}`)
  }
}

function formatted(platform: string): string {
  return formatPlatform(parsePlatform(platform))
}

function invalid(key: string, state: string, hint: string): CoreError {
  return new CoreError('OPTION_INVALID', `Cannot annotate with "${key}": ${state}`, { hint })
}
