import { readFileSync } from 'node:fs'
import type { BuildSandbox } from '@tsbuild/core'
import { parseBoolean } from './booleans.js'
import { badFlag } from './errors.js'

type Profile = Exclude<NonNullable<BuildSandbox['seccomp']>, string>

/** Reads `--security-opt`; of several for one thing the last counts. @throws {CliError} `ARGUMENT_INVALID` */
export function readSecurityOptions(texts: readonly string[]): BuildSandbox {
  let options: BuildSandbox = {}
  for (const text of texts) {
    const [, key = '', , value] = /^([a-z-]+)([=:](.*))?$/.exec(text) ?? []
    if (key === 'no-new-privileges') {
      options = { ...options, noNewPrivileges: value === undefined || parseBoolean('--security-opt', value) }
    } else if (key === 'seccomp' && value !== undefined && value !== '') {
      options = { ...options, seccomp: readSeccomp(text, value) }
    } else {
      throw badFlag('--security-opt', text, 'there is no such option', 'no-new-privileges, seccomp=unconfined or =FILE')
    }
  }
  return options
}

function readSeccomp(text: string, value: string): NonNullable<BuildSandbox['seccomp']> {
  if (value === 'unconfined') return 'unconfined'
  if (value === 'default' || value === 'builtin') return 'default'
  try {
    const profile: unknown = JSON.parse(quoteLongNumbers(readFileSync(value, 'utf8')))
    if (typeof profile === 'object' && profile !== null && !Array.isArray(profile)) return profile as Profile
  } catch (cause) {
    throw badFlag('--security-opt', text, `its profile can't be read: ${(cause as Error).message}`)
  }
  throw badFlag('--security-opt', text, 'its profile is not a JSON object')
}

/** JSON.parse would round them; the profile takes them as text, too. */
function quoteLongNumbers(json: string): string {
  return json.replace(/"(?:[^"\\]|\\.)*"|\d{16,}/g, (token) => (token.startsWith('"') ? token : `"${token}"`))
}
