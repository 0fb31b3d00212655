import type { ProcessSpec } from '@tsbuild/spec'
import { rulesFor, situationHere } from '../seccomp/filter.js'

/** `linux.seccomp` of a `config.json` (OCI runtime spec, config-linux.md "Seccomp"). Numbers of 64 bits are marked texts: a NUL and
 * digits.
 * @throws {RuntimeError} `SECCOMP_PROFILE_INVALID` */
export function ociSeccomp(
  { security, sandbox }: Pick<ProcessSpec, 'security' | 'sandbox'>,
  capabilities: readonly string[],
): { readonly seccomp?: unknown } {
  const profile = sandbox?.seccomp ?? (security === 'insecure' ? 'unconfined' : 'default')
  if (profile === 'unconfined') return {}
  const { defaultAction, architectures, flags, rules } = rulesFor(profile, situationHere(capabilities))
  const { action, errnoRet } = defaultAction
  return {
    seccomp: {
      defaultAction: action,
      ...(errnoRet === undefined ? {} : { defaultErrnoRet: errnoRet }),
      architectures,
      ...(flags === undefined ? {} : { flags }),
      syscalls: rules.map(({ args, ...rule }) => ({
        ...rule,
        args: args.map(({ value, valueTwo, ...test }) => ({ ...test, value: mark(value), valueTwo: mark(valueTwo) })),
      })),
    },
  }
}

function mark(number: bigint): string {
  return `\0${number}`
}
