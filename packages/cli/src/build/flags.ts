import { type Command, Option } from 'commander'
import { addEngineFlags, type EngineFlags } from '../engine.js'
import type { ProgressMode } from '../progress/view.js'

/** The flags of `build` as they were given. */
export interface BuildFlags extends EngineFlags {
  readonly tag: readonly string[]
  readonly file?: string
  readonly buildArg: readonly string[]
  readonly buildContext: readonly string[]
  readonly secret: readonly string[]
  readonly ssh: readonly string[]
  readonly allow: readonly string[]
  readonly ulimit: readonly string[]
  readonly securityOpt: readonly string[]
  readonly label: readonly string[]
  readonly annotation: readonly string[]
  readonly target?: string
  readonly cache: boolean
  readonly cacheFilter: readonly string[]
  readonly cacheFrom: readonly string[]
  readonly cacheTo: readonly string[]
  /** Empty where no size was given. */
  readonly cacheMounts?: string
  readonly pull?: boolean
  readonly output: readonly string[]
  readonly push?: boolean
  readonly load?: boolean
  readonly platform: readonly string[]
  readonly network?: string
  readonly addHost: readonly string[]
  readonly shmSize?: string
  readonly iidfile?: string
  readonly metadataFile?: string
  readonly quiet?: boolean
  readonly progress?: ProgressMode
  readonly check?: boolean
  readonly call?: string
}

const collect = (value: string, before: readonly string[]) => [...before, value]

/** Flags that say what is built; the other ones of `build` say where it goes and what is shown. */
export function defineGraphFlags(command: Command): void {
  const many = (flags: string, text: string) => command.option(flags, text, collect, [])
  command.argument(
    '[PATH]',
    'directory whose files COPY and ADD take (the context), - for standard input, or a git or http URL',
  )
  command.option(
    '-f, --file <path>',
    'path or http URL of the Dockerfile, - for standard input (default: PATH/Dockerfile)',
  )
  many('--build-arg <name[=value]>', 'value of an ARG; without value, that of the environment')
  many(
    '--build-context <name=value>',
    'further context for FROM and --from: a directory, a git or http URL, docker-image://NAME, oci-layout://DIR, target:STAGE',
  )
  many(
    '--secret <spec>',
    'what RUN --mount=type=secret finds, and credentials for sources: id=…,src=FILE or id=…,env=NAME',
  )
  many(
    '--ssh <id[=path,…]>',
    'agent for RUN --mount=type=ssh and git by ssh: that of $SSH_AUTH_SOCK, a socket, or key files',
  )
  many('--allow <entitlement>', 'what RUN may ask for: security.insecure (network.host is granted always)')
  command.option('--target <stage>', 'stage to build (default: the last)')
  command.option('--no-cache', 'run every step again')
  many('--no-cache-filter <stages>', 'run the steps of these stages again')
  command.option('--pull', 'ask the registry for every base image')
  many('--platform <os/arch[,…]>', 'platform of the image (default: that of this machine), or several of them')
  command.option('--network <mode>', 'network of RUN steps: host or none (default: host)')
  many('--add-host <name:address>', 'further line for /etc/hosts during RUN')
  command.option('--shm-size <bytes>', 'size of /dev/shm during RUN, e.g. 64m')
  many('--ulimit <name=soft[:hard]>', 'resource limit during RUN, e.g. nofile=1024:2048; -1 is unlimited')
  many(
    '--cache-from <spec>',
    'cache to look into: type=registry,ref=… (or only the name), type=local,src=…, type=s3,bucket=…; an image with an inline cache',
  )
  many('--security-opt <option>', 'for RUN: no-new-privileges, seccomp=unconfined, seccomp=FILE')
}

export function defineBuildFlags(command: Command): void {
  const many = (flags: string, text: string) => command.option(flags, text, collect, [])
  defineGraphFlags(command)
  many('-t, --tag <name>', 'name for the image, repository[:tag]')
  many('--label <name=value>', 'label for the image')
  many('--annotation <[place:]key=value>', 'OCI annotation; place: manifest (default), index, …-descriptor, [os/arch]')
  many(
    '-o, --output <spec>',
    'where the result goes: type=image|oci|docker|registry|local|tar|cacheonly,dest=…,name=…,compression=…; a directory; - for a tar',
  )
  many(
    '--cache-to <spec>',
    'where the cache is sent: type=registry,ref=… (or only the name), type=local,dest=…, type=s3,bucket=…, type=inline; mode=min|max; required',
  )
  command.option(
    '--cache-mounts [size]',
    'let cache mounts travel with these caches, --cache-mounts=SIZE of each at most (default: 1g)',
  )
  command.option('--push', 'send the image to the registries of its names')
  command.option('--load', 'load the image into docker or podman')
  command.option('--iidfile <path>', 'write the id of the image into this file')
  command.option('--metadata-file <path>', 'write digests and names into this file, as JSON')
  command.option('-q, --quiet', 'no progress; the id of the image on standard output')
  const progress = new Option('--progress <mode>', 'auto, tty, plain, quiet, or rawjson (an event a line)')
  command.addOption(progress.choices(['auto', 'tty', 'plain', 'quiet', 'rawjson']))
  command.option('--check', 'only run the build checks: the same as --call=check')
  command.option('--call <method>', 'build, check, outline or targets, with ,format=json for JSON (default: build)')
  addEngineFlags(command)
  command.addHelpText(
    'after',
    `
Examples:
  tsbuild build -t app .
  tsbuild build --target test -o type=local,dest=out .
  tsbuild build -t localhost:5000/app --push .
  tsbuild build --cache-from localhost:5000/app:cache --cache-to type=registry,ref=localhost:5000/app:cache,mode=max .`,
  )
}
