import Synchronization

/// A reference that is set once and read by every thread with one load. The standard library's `AtomicLazyReference`
/// does the same through metadata that is looked up at run time: 350 instructions of each request.
///
/// Safe: what is stored is retained until the end, and published whole by the exchange.
@safe
struct OnceReference<Value: AnyObject & Sendable>: ~Copyable, Sendable {
    private let bits = Atomic<UInt>(0)

    func load() -> Value? { OnceReference.value(bits.load(ordering: .acquiring)) }

    /// The one that is there from now on: `value`, unless another came first.
    func storeIfNil(_ value: Value) -> Value {
        let stored = unsafe UInt(bitPattern: Unmanaged.passRetained(value).toOpaque())
        let (isFirst, earlier) = bits.compareExchange(
            expected: 0, desired: stored, ordering: .acquiringAndReleasing)
        if isFirst { return value }
        OnceReference.release(stored)
        return OnceReference.value(earlier) ?? value
    }

    private static func value(_ bits: UInt) -> Value? {
        guard let pointer = unsafe UnsafeRawPointer(bitPattern: bits) else { return nil }
        return unsafe Unmanaged<Value>.fromOpaque(pointer).takeUnretainedValue()
    }

    private static func release(_ bits: UInt) {
        guard let pointer = unsafe UnsafeRawPointer(bitPattern: bits) else { return }
        unsafe Unmanaged<Value>.fromOpaque(pointer).release()
    }

    deinit { OnceReference.release(bits.load(ordering: .acquiring)) }
}
