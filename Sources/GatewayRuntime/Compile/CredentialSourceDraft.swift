import GatewayControl
import GatewayIdentity
import GatewayModel
import GatewayProxy

/// One CredentialSource while it is compiled: collects the secrets it is made of.
struct CredentialSourceDraft {
    private let source: CredentialSource
    private let key: ObjectKey
    private let compiler: CredentialSourceCompiler
    /// What it was made of beside its object: a change of it makes another source.
    private(set) var material: [UInt8] = []

    private static let podTokenPath = "/var/run/secrets/kubernetes.io/serviceaccount/token"

    init(_ source: CredentialSource, _ key: ObjectKey, _ compiler: CredentialSourceCompiler) {
        self.source = source
        self.key = key
        self.compiler = compiler
    }

    private var http: OutboundHTTP { compiler.services.http }

    mutating func fetch() throws -> CredentialServices.Fetch {
        let spec = source.spec
        if let vault = spec.vault { return try self.vault(vault) }
        if let made = spec.clientCredentials { return try oauth(made.client, exchange: nil) }
        if let exchange = spec.tokenExchange {
            return try oauth(
                exchange.client,
                exchange: OAuthSource.Exchange(
                    subject: try subject(exchange.subject), subjectType: exchange.subjectType,
                    actor: try exchange.actor.map { try subject($0) }, requestedType: exchange.requestedType))
        }
        if let google = spec.googleServiceAccount { return try self.google(google) }
        if let aws = spec.awsWebIdentity { return try self.aws(aws) }
        if let federation = spec.federation { return try self.federation(federation) }
        throw GatewayError(.missingCredential, "the credential is nowhere")
    }

    // MARK: Parts

    private mutating func secret(_ place: SecretPlace, isText: Bool = false) throws(GatewayError) -> Secret {
        let secret = try compiler.credentials.read(
            env: place.env, file: place.file, secretRef: place.secretRef, of: key, isText: isText)
        // The count keeps two secrets from being taken for two others.
        material += Array("\(secret.count):".utf8) + secret.reveal { $0 }
        return secret
    }

    private mutating func endpoint(_ url: String) throws -> TokenEndpoint {
        var endpoint = TokenEndpoint(url, http: http)
        endpoint.trust = try trust()
        endpoint.timeoutMilliseconds = source.spec.timeout.milliseconds
        return endpoint
    }

    private mutating func trust() throws -> OutboundRequest.Trust {
        let trust = try compiler.certificates.trust(source.spec.caCertificateRefs, from: key)
        if case .authorities(let pem) = trust { material += pem }
        return trust
    }

    private mutating func subject(_ token: SubjectToken) throws -> SubjectTokenSource {
        if let own = token.gateway {
            let (sign, subject) = (compiler.services.sign, own.subject)
            let usual = "credentialsource:\(source.metadata.qualifiedName)"
            return SubjectTokenSource {
                guard let sign else { throw GatewayError(.credentialUnavailable, "nothing is signed here") }
                return try sign(own, subject ?? usual)
            }
        }
        return try file(token.file ?? "")
    }

    /// Read each time: who projects a token into a file replaces it long before it ends.
    private mutating func file(_ name: String) throws -> SubjectTokenSource {
        let origin = compiler.index.position(key, ConfigPath.spec).file
        let path = try compiler.options.files.path(name, origin: origin)
        material += Array(path.utf8)
        return SubjectTokenSource {
            do throws(GatewayError) { return Secret(try SideFile.read(path, bytesMax: 16 * 1024).bytes) } catch {
                throw GatewayError(.credentialUnavailable, "the subject's token is not there: \(error.message)")
            }
        }
    }

    // MARK: Kinds

    private mutating func oauth(
        _ client: OAuthClient, exchange: OAuthSource.Exchange?
    ) throws
        -> CredentialServices.Fetch
    {
        var parameters = client.parameters.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        if !client.scopes.isEmpty { parameters.append(("scope", client.scopes.joined(separator: " "))) }
        if let audience = client.audience { parameters.append(("audience", audience)) }
        if let resource = client.resource { parameters.append(("resource", resource)) }
        let nothing = GatewayError(.missingCredential, "the client has no secret and no key")
        let proof: ClientProof
        switch client.authentication {
        case .none: proof = .none
        case .basic, .post:
            guard let place = client.secret else { throw nothing }
            let secret = try secret(place)
            proof = client.authentication == .basic ? .basic(secret) : .post(secret)
        case .privateKeyJWT:
            guard let place = client.privateKey else { throw nothing }
            proof = .assertion(
                try AssertionKey(pem: try secret(place, isText: true)), id: client.keyID,
                audience: client.assertionAudience ?? client.tokenURL)
        }
        let made = OAuthSource(
            try endpoint(client.tokenURL), clientID: client.clientID, proof: proof, parameters: parameters,
            exchange: exchange, wallSeconds: { WallTime.seconds })
        return { _ in try await made.fetch() }
    }

    private mutating func vault(_ vault: VaultCredential) throws -> CredentialServices.Fetch {
        let login: VaultSource.Login
        if let place = vault.auth.token {
            login = .token(try secret(place))
        } else if let role = vault.auth.appRole {
            login = .appRole(
                mount: role.mount ?? "approle", roleID: role.roleID, secretID: try secret(role.secretID))
        } else {
            let usual = vault.auth.kubernetes == nil ? "jwt" : "kubernetes"
            guard let method = vault.auth.kubernetes ?? vault.auth.jwt else {
                throw GatewayError(.missingCredential, "nothing lets the gateway in")
            }
            let shown = try method.subject.map { try subject($0) } ?? file(CredentialSourceDraft.podTokenPath)
            login = .method(mount: method.mount ?? usual, role: method.role, shown)
        }
        let path = "\(vault.mount)/\(vault.engine == .kv2 ? "data/" : "")\(vault.path)"
        var settings = VaultSource.Settings(address: vault.address, path: path, login: login)
        settings.namespace = vault.namespace
        settings.field = vault.field
        settings.hasVersions = vault.engine == .kv2
        settings.hasLease = vault.engine == .dynamic
        settings.refreshMilliseconds = vault.refresh.milliseconds
        settings.timeoutMilliseconds = source.spec.timeout.milliseconds
        settings.trust = try trust()
        let made = VaultSource(
            settings, http: http, uptimeMilliseconds: { CredentialServices.uptimeMilliseconds })
        return { try await made.fetch(isRejected: $0) }
    }

    private mutating func google(_ google: GoogleCredential) throws -> CredentialServices.Fetch {
        let flow: GoogleSource.Flow
        if let audience = google.audience {
            flow = .selfSigned(audience: audience)
        } else {
            flow = .tokenEndpoint(
                try endpoint(google.tokenURL), scopes: google.scopes, subject: google.subject)
        }
        let made = try GoogleSource(
            keyFile: try secret(google.key, isText: true), flow: flow, wallSeconds: { WallTime.seconds })
        return { _ in try await made.fetch() }
    }

    private mutating func aws(_ aws: AWSCredential) throws -> CredentialServices.Fetch {
        var settings = AWSSource.Settings(
            url: aws.stsURL, region: aws.region, service: aws.service, roleARN: aws.roleARN,
            sessionName: aws.sessionName, durationSeconds: aws.duration.milliseconds / 1_000)
        settings.timeoutMilliseconds = source.spec.timeout.milliseconds
        settings.trust = try trust()
        let made = AWSSource(
            settings, subject: try subject(aws.subject), http: http, wallSeconds: { WallTime.seconds })
        return { _ in try await made.fetch() }
    }

    private mutating func federation(_ federation: FederatedCredential) throws -> CredentialServices.Fetch {
        let vendor: FederationSource.Provider =
            switch federation.vendor {
            case .anthropic:
                .anthropic(
                    rule: federation.federationRule ?? "", organization: federation.organization ?? "",
                    serviceAccount: federation.serviceAccount, workspace: federation.workspace)
            case .openai:
                .openai(
                    identityProvider: federation.identityProvider ?? "",
                    serviceAccount: federation.serviceAccount ?? "")
            case .openrouter: .openrouter(policy: federation.federationRule ?? "")
            case .google:
                .google(
                    provider: federation.identityProvider ?? "", serviceAccount: federation.serviceAccount)
            }
        let made = FederationSource(
            vendor, at: try endpoint(federation.tokenURL ?? vendor.usualURL),
            subject: try subject(federation.subject), wallSeconds: { WallTime.seconds })
        return { _ in try await made.fetch() }
    }
}
