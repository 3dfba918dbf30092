import ArgumentParser
import Foundation
import GatewayControl

/// The one binary: `sluice <command>`.
@main
struct Sluice: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sluice", abstract: "An API gateway made for agents.",
        discussion: """
            Start with 'sluice run', then 'curl localhost:8080/'. Commands that ask a running gateway find it by its \
            state folder: --state DIR or SLUICE_STATE, .sluice by default. Exit status: 0 done, 1 findings, 2 usage, \
            3 unreachable, 4 denied.
            """,
        version: ProductVersion.text,
        groupedSubcommands: [
            CommandGroup(
                name: "Serving",
                subcommands: [GatewayRun.self, GatewayStatus.self, GatewayDrain.self, GatewayDebug.self]),
            CommandGroup(
                name: "Configuration files",
                subcommands: [
                    ConfigurationCheck.self, ConfigurationFormat.self, ConfigurationSchema.self, ImportGroup.self,
                ]),
            CommandGroup(
                name: "Configuration of a running gateway",
                subcommands: [
                    ConfigurationDiff.self, ConfigurationApply.self, ObjectGet.self, ObjectDescribe.self,
                    ObjectDelete.self, ConfigurationHistory.self, ConfigurationRollback.self,
                ]),
            CommandGroup(
                name: "Requests",
                subcommands: [RequestExplain.self, RequestTap.self, RequestTrace.self, RequestCall.self]),
            CommandGroup(name: "Tools of servers", subcommands: [ToolGroup.self, ApprovalGroup.self]),
            CommandGroup(
                name: "Callers",
                subcommands: [
                    KeyGroup.self, UsageShow.self, BudgetGroup.self, LoginCommand.self, LogoutCommand.self, WhoAmI.self,
                    ConnectCommand.self, RunToken.self, TokenGroup.self,
                ]),
            CommandGroup(name: "Records", subcommands: [AuditGroup.self, AuditReplay.self]),
            CommandGroup(
                name: "Workbench", subcommands: [MockGroup.self, ScenarioGroup.self, AttackGroup.self]),
            CommandGroup(
                name: "Tools", subcommands: [ExpressionEval.self, ToolCompletion.self, ToolVersion.self]),
        ])

    static func main() async {
        Foundation.exit(await Invocation.run(Array(CommandLine.arguments.dropFirst())))
    }
}
