package import GatewayModel

/// What reading a set of documents came to.
package struct ConfigurationLoad: Sendable {
    /// Every object that could be read. Serve it only when `isUsable`.
    package var set: ObjectSet
    /// In the order of their places.
    package var diagnostics: [Diagnostic]
    /// The files read, in order.
    package var files: [String]

    package init(set: ObjectSet, diagnostics: [Diagnostic], files: [String]) {
        self.set = set
        self.diagnostics = diagnostics.sorted(by: Diagnostic.inOrder)
        self.files = files
    }

    /// A configuration with any error is refused as a whole; the last good one keeps serving.
    package var isUsable: Bool { !diagnostics.hasErrors }

    /// One text of several documents, as a file's content or a request's body.
    package struct Text: Sendable {
        package var bytes: [UInt8]
        package var file: String
        package var syntax: DocumentReader.Syntax?

        package init(bytes: [UInt8], file: String, syntax: DocumentReader.Syntax? = nil) {
            self.bytes = bytes
            self.file = file
            self.syntax = syntax
        }
    }

    /// Reads, decodes and analyses.
    package init(
        texts: [Text], mode: AnalysisMode = .strict, limits: Limits = .standard, earlier: [Diagnostic] = []
    ) {
        var diagnostics = earlier
        let documents = texts.flatMap {
            DocumentReader.read(
                $0.bytes, file: $0.file, syntax: $0.syntax, limits: limits, diagnostics: &diagnostics)
        }
        let decoded = DecodedObjects(documents, diagnostics: &diagnostics)
        let set = ObjectSet(decoded.objects, diagnostics: &diagnostics)
        // After a file that could not be read, every reference into it would look dangling.
        let isWhole = !diagnostics.contains { $0.code == .syntax || $0.code == .tooLarge || $0.code == .unreadableFile }
        if isWhole {
            diagnostics += Analysis(set, mode: mode, refused: decoded.refused).diagnostics()
        }
        self.init(set: set, diagnostics: diagnostics, files: texts.map(\.file))
    }
}

/// Typed objects from documents.
package struct DecodedObjects: Sendable {
    package var objects: [GatewayObject] = []
    /// Keys of objects that are there but broken.
    package var refused: Set<ObjectKey> = []

    package init(_ documents: [ConfigNode], diagnostics: inout [Diagnostic]) {
        for document in documents {
            switch GatewayObject.decode(document, diagnostics: &diagnostics) {
            case .object(let object): objects.append(object)
            case .refused(let key?): refused.insert(key)
            case .refused(nil), .ignored: break
            }
        }
    }
}
