import type { RegistryClientOptions } from '@tsbuild/registry'
import type { RegistryAccess, RegistryHost } from '../api.js'
import { type RegistryHosts, readRegistryConfig } from './config-file.js'

/** What a registry client needs to know: the program's settings over those of the configuration files.
 * @throws {CoreError} `CONFIG_INVALID` */
export async function clientOptions(access: RegistryAccess = {}): Promise<RegistryClientOptions> {
  const { configPath, hosts, ...rest } = access
  const configured = configPath === false ? {} : await readRegistryConfig(configPath, process.env)
  return { ...rest, hosts: mergeHosts(configured, hosts ?? {}) }
}

function mergeHosts(configured: RegistryHosts, given: RegistryHosts): RegistryHosts {
  const merged: Record<string, RegistryHost> = { ...configured }
  for (const [host, settings] of Object.entries(given)) merged[host] = { ...merged[host], ...settings }
  return merged
}
