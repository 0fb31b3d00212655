import { type Platform, parsePlatform } from '@tsbuild/spec'

/** The platform that a text names; `undefined` where it names none. */
export function platformOrNone(text: string): Platform | undefined {
  try {
    return parsePlatform(text)
  } catch {
    return undefined
  }
}
