export { exitCodeOf, RuntimeError, type RuntimeErrorCode } from './errors.js'
export { createNativeRuntime, type NativeRuntimeOptions } from './native-runtime.js'
export { createOciRuntime, type OciRuntimeOptions } from './oci-runtime.js'
