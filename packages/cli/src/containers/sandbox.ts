import type { ContainerOptions } from '@tsbuild/core'
import { readSecurityOptions } from '../security-options.js'
import type { ContainerFlags } from './flags.js'

type Sandbox = NonNullable<ContainerOptions['sandbox']>

/** What differs from Docker's default isolation. @throws {CliError} `ARGUMENT_INVALID` */
export function readSandbox({ capAdd, capDrop, readOnly, securityOpt }: ContainerFlags): Sandbox {
  return {
    ...(capAdd.length === 0 ? {} : { capAdd }),
    ...(capDrop.length === 0 ? {} : { capDrop }),
    ...(readOnly ? { readonlyRoot: true } : {}),
    ...readSecurityOptions(securityOpt),
  }
}

/** The flags themselves are the grant. */
export function entitlementsOf({ privileged, sandbox = {} }: ContainerOptions): readonly 'security.insecure'[] {
  const beyond = privileged || (sandbox.capAdd?.length ?? 0) > 0 || (sandbox.seccomp ?? 'default') !== 'default'
  return beyond ? ['security.insecure'] : []
}
