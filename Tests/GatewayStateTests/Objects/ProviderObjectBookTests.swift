import Testing

@testable import GatewayState

@Suite("What providers keep is remembered by owner, over restarts, and in bounds")
struct ProviderObjectBookTests {
    private static func key(_ id: String, _ place: String = "openai ") -> ProviderObject.Key {
        ProviderObject.Key(place: place, id: id)
    }

    @Test func `a restart forgets nothing, and what was deleted stays deleted`() throws {
        let fixture = StateFixture()
        do {
            let store = try fixture.open()
            store.objects.note(ProviderObject(Self.key("file-1"), .file, owner: "a"))
            store.objects.note(ProviderObject(Self.key("file-2"), .file, owner: "a"))
            store.objects.note(ProviderObject(Self.key("file-2", "other "), .file, owner: "a"))
            store.objects.note(ProviderObject(Self.key("file-3"), .file, owner: "b"))
            store.objects.note(ProviderObject(Self.key("batch_1"), .batch, owner: "a"))
            store.objects.note(ProviderObject(Self.key("resp_1"), .response, owner: "a", tokens: 7))
            store.objects.flush()
            store.objects.forget(Self.key("file-1"))
            store.objects.note(ProviderObject(Self.key("resp_1"), .response, owner: "a", tokens: 9))
            store.close()
        }
        let store = try fixture.open()
        #expect(store.objects.ids("a", .file) == ["openai ": ["file-2"], "other ": ["file-2"]])
        #expect(store.objects.ids("b", .file) == ["openai ": ["file-3"]])
        #expect(store.objects.ids("a", .batch) == ["openai ": ["batch_1"]])
        #expect(store.objects.ids("c", .file).isEmpty)
        #expect(store.objects.tokens(Self.key("resp_1")) == 9)
        #expect(store.objects.tokens(Self.key("file-2")) == nil)
        store.close()
    }

    @Test func `the oldest are forgotten first, an owner's own before those of others`() throws {
        var limits = ProviderObjectBook.Limits()
        (limits.ofOwnerMax, limits.ownedMax, limits.responsesMax) = (3, 5, 2)
        let store = try StateFixture().open()
        let book = try ProviderObjectBook(store.database, limits: limits)
        for number in 1...4 { book.note(ProviderObject(Self.key("file-\(number)"), .file, owner: "a")) }
        #expect(book.ids("a", .file) == ["openai ": ["file-2", "file-3", "file-4"]])
        for number in 5...7 { book.note(ProviderObject(Self.key("batch_\(number)"), .batch, owner: "b")) }
        #expect(book.ids("a", .file) == ["openai ": ["file-3", "file-4"]])
        #expect(book.ids("b", .batch).values.first?.count == 3)
        for number in 1...3 {
            book.note(ProviderObject(Self.key("resp_\(number)"), .response, owner: "a", tokens: number))
        }
        #expect((1...3).map { book.tokens(Self.key("resp_\($0)")) } == [nil, 2, 3])
        // Somebody who makes and deletes without end keeps nobody else's out.
        for number in 0..<10_000 {
            book.note(ProviderObject(Self.key("file-x\(number)"), .file, owner: "c"))
            book.forget(Self.key("file-x\(number)"))
        }
        #expect(book.ids("a", .file) == ["openai ": ["file-4"]])
        #expect(book.ids("c", .file).isEmpty)
        store.close()
    }

    @Test func `what has been passed takes no memory for ever`() throws {
        var limits = ProviderObjectBook.Limits()
        (limits.ofOwnerMax, limits.ownedMax, limits.responsesMax) = (3, 5, 2)
        let store = try StateFixture().open()
        let book = try ProviderObjectBook(store.database, limits: limits)
        for number in 1...10_000 {
            book.note(ProviderObject(Self.key("file-\(number)"), .file, owner: "a"))
            book.note(ProviderObject(Self.key("resp_\(number)"), .response, owner: "a", tokens: number))
        }
        #expect(book.lineLength < 1_100)
        #expect(book.tokens(Self.key("resp_10000")) == 10_000)
        store.close()
    }
}
