import { release } from 'node:os'
import type { SeccompProfile } from '@tsbuild/spec'
import { RuntimeError } from '../errors.js'
import { compileRules } from './compile.js'
import { defaultProfile } from './default-profile.js'
import { actionCode, filterFlags, resolveProfile, type SeccompRules, type SeccompSituation } from './profile.js'

/** What a child hands to seccomp(2). */
export interface SeccompFilter {
  readonly program: Uint8Array
  readonly flags: number
}

/** The program for a profile (`default`: Docker's) on a machine, for processes with these capabilities.
 * @throws {RuntimeError} `SECCOMP_PROFILE_INVALID` */
export function compileProfile(profile: 'default' | SeccompProfile, situation: SeccompSituation): Uint8Array {
  return compileRules(rulesFor(profile, situation))
}

export function rulesFor(profile: 'default' | SeccompProfile, situation: SeccompSituation): SeccompRules {
  return resolveProfile(profile === 'default' ? defaultProfile : profile, situation)
}

/** This machine, for processes with these capabilities. */
export function situationHere(capabilities: readonly string[]): SeccompSituation {
  const [major = 0, minor = 0] = release().split('.').map(Number.parseFloat)
  return { arch: process.arch, capabilities, kernel: [major, minor] }
}

/** The filter for a child of this machine; takes about 10 ms. A child may always end itself.
 * @throws {RuntimeError} `SECCOMP_PROFILE_INVALID`, also for a profile under which no program could start */
export function filterFor(profile: 'default' | SeccompProfile, capabilities: readonly string[]): SeccompFilter {
  const rules = rulesFor(profile, situationHere(capabilities))
  checkStartable(rules)
  const end = { names: ['exit'], action: 'SCMP_ACT_ALLOW', args: [] }
  return { program: compileRules({ ...rules, rules: [end, ...rules.rules] }), flags: filterFlags(rules) }
}

/** A child is under the filter when it executes its program, and could not even say why that failed. */
function checkStartable({ rules, defaultAction }: SeccompRules): void {
  const usable = (action: string) => action === 'SCMP_ACT_ALLOW' || action === 'SCMP_ACT_LOG'
  const otherwise = actionCode(defaultAction)
  const naming = rules.filter((rule) => rule.names.includes('execve') && actionCode(rule) !== otherwise)
  const decisive = naming.find(({ args }) => args.length === 0)?.action
  const allowed =
    decisive === undefined
      ? usable(defaultAction.action) && naming.every(({ action }) => usable(action))
      : usable(decisive)
  if (allowed) return
  throw new RuntimeError('SECCOMP_PROFILE_INVALID', 'Cannot use the seccomp profile: no program can start under it', {
    hint: 'It has to allow execve, whatever the arguments',
  })
}
