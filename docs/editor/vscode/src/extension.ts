// Starts `wdfmc lsp`, and shows the traces that it gives as markdown.

import * as vscode from "vscode";
import { LanguageClient, LanguageClientOptions, ServerOptions, TransportKind } from "vscode-languageclient/node";
import * as path from "path";

const TRACE = "wdfmc.trace"; // a command of the server, whose result is shown here
const SCHEME = "wdfmc-trace";

interface Page { title: string; markdown: string }

let client: LanguageClient | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
    const pages = new Map<string, string>();
    const changed = new vscode.EventEmitter<vscode.Uri>();
    context.subscriptions.push(
        changed,
        vscode.workspace.registerTextDocumentContentProvider(SCHEME, {
            onDidChange: changed.event,
            provideTextDocumentContent: (uri) => pages.get(uri.toString()) ?? "The text has changed: check it again.\n",
        }),
        vscode.commands.registerCommand("wdfmc.restart", async () => {
            await client?.restart();
        }),
    );

    async function show(page: Page | null): Promise<void> {
        if (!page) {
            void vscode.window.showInformationMessage("The text has changed since: check it again.");
            return;
        }
        const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${page.title}.md` });
        pages.set(uri.toString(), page.markdown);
        changed.fire(uri);
        await vscode.commands.executeCommand("markdown.showPreviewToSide", uri);
    }

    const options: LanguageClientOptions = {
        documentSelector: [{ language: "wdf" }],
        markdown: { supportHtml: false },
        middleware: {
            executeCommand: async (command, args, next) => {
                const result = await next(command, args);
                if (command === TRACE) {
                    await show(result as Page | null);
                }
                return result;
            },
        },
    };
    client = new LanguageClient("wdfmc", "wdfmc", server(), options);
    try {
        await client.start();
    } catch (error) {
        const told = error instanceof Error ? error.message : String(error);
        void vscode.window.showErrorMessage(
            `wdfmc lsp could not be started (${told}). Is it installed, with \`pip install "wdfmc[lsp]"\`? ` +
            "The setting wdfmc.command says how it is started.",
        );
    }
}

export function deactivate(): Thenable<void> | undefined {
    return client?.stop();
}

function server(): ServerOptions {
    const [command, ...args] = vscode.workspace.getConfiguration("wdfmc").get<string[]>("command", ["wdfmc", "lsp"]);
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
    const isPath = /[\\/]/.test(command);
    return {
        command: isPath && folder ? path.resolve(folder, command) : command,
        args,
        transport: TransportKind.stdio,
        options: folder ? { cwd: folder } : {},
    };
}
