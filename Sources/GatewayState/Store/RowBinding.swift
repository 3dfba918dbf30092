import GRDB
import GRDBSQLite

/// Values for one run of a statement, in the order of its places. GRDB boxes and checks each value, which costs a row
/// that every model call writes more than SQLite itself does; this goes to SQLite directly. Safe: it lives no longer
/// than the transaction, GRDB keeps the statement as long as the connection, and `texts` outlives the value.
@safe struct RowBinding {
    private let statement: SQLiteStatement
    private let texts: UnsafeBufferPointer<UInt8>
    private var place: CInt = 0
    private var code = SQLITE_OK

    /// SQLite copies the text before the call returns. Safe: a constant, never called.
    nonisolated(unsafe) private static let copies = unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    /// Texts are bound where they lie in `texts`, which must stay until the statement has run.
    init(_ statement: Statement, texts: UnsafeBufferPointer<UInt8>) {
        unsafe self.statement = statement.sqliteStatement
        unsafe self.texts = texts
        unsafe sqlite3_reset(self.statement)
    }

    /// A text by its place.
    mutating func add(_ range: Range<Int>) {
        place += 1
        let start = unsafe UnsafeRawPointer(texts.baseAddress)?.advanced(by: range.lowerBound)
        note(
            unsafe sqlite3_bind_text(
                statement, place, start?.assumingMemoryBound(to: CChar.self), CInt(range.count), nil))
    }

    /// Several, with commas between them.
    mutating func add(joined ranges: [Range<Int>]) {
        guard ranges.count != 1 else { return add(ranges[0]) }
        var bytes: [UInt8] = []
        for range in ranges {
            if !bytes.isEmpty { bytes.append(0x2C) }
            unsafe bytes.append(contentsOf: texts[range])
        }
        add(copying: bytes)
    }

    mutating func add(_ text: String) { add(copying: Array(text.utf8)) }

    private mutating func add(copying bytes: [UInt8]) {
        place += 1
        // No pointer at all would be NULL. Safe: the bytes are read during the call only.
        let result = unsafe bytes.withUnsafeBufferPointer { [statement, place, texts] bytes in
            let start = unsafe UnsafeRawPointer(bytes.baseAddress ?? texts.baseAddress)
            return unsafe sqlite3_bind_text(
                statement, place, start?.assumingMemoryBound(to: CChar.self), CInt(bytes.count), RowBinding.copies)
        }
        note(result)
    }

    /// nil is NULL.
    mutating func add(_ number: Int?) {
        place += 1
        if let number {
            note(unsafe sqlite3_bind_int64(statement, place, Int64(number)))
        } else {
            note(unsafe sqlite3_bind_null(statement, place))
        }
    }

    private mutating func note(_ result: CInt) {
        if code == SQLITE_OK { code = result }
    }

    /// Runs the statement, which must give no rows.
    mutating func execute(_ database: Database) throws {
        if code == SQLITE_OK {
            let result = unsafe sqlite3_step(statement)
            if result != SQLITE_DONE { code = result }
        }
        // Read before the reset, which clears it.
        let message = code == SQLITE_OK ? nil : database.lastErrorMessage
        unsafe sqlite3_reset(statement)
        // The statement outlives the texts.
        unsafe sqlite3_clear_bindings(statement)
        guard code == SQLITE_OK else { throw DatabaseError(resultCode: ResultCode(rawValue: code), message: message) }
    }
}
