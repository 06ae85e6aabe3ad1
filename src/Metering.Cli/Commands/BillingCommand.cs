using System.CommandLine;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using Metering.Cli.Client;
using Metering.Safety;

namespace Metering.Cli.Commands;

/// <summary><c>periods</c> and <c>invoices</c>: what a month costs, closing it, and what it has issued.</summary>
internal static class BillingCommand
{
    private static readonly HashSet<int> Right = [2, 3, 4];

    public static Command Periods()
    {
        var command = new Command("periods", "Months: what they cost so far, and closing them.");
        var show = Part(command, "show", "Shows what a month would issue now, or has issued; and what stands in the way of closing it.", out var open);
        var format = CommonOptions.TableOrJson();
        var month = new Argument<string>("MONTH") { Description = "Such as 2026-10" };
        show.Arguments.Add(month);
        show.Options.Add(format);
        show.SetAction(async (parsed, cancel) =>
        {
            using var client = open(parsed);
            Show(await client.GetAsync("v1/periods/" + Uri.EscapeDataString(parsed.GetValue(month)!), cancel), parsed.GetValue(format)!);
            return 0;
        });

        var close = Part(command, "close", "Issues the invoices of a month, once; closing it again changes nothing.", out var openClose);
        var waive = new Option<string[]>("--waive") { Description = "A host whose missing usage is accepted; it is audited. May be repeated", HelpName = "HOST" };
        var (closing, closeFormat) = (new Argument<string>("MONTH") { Description = "Such as 2026-10" }, CommonOptions.TableOrJson());
        close.Arguments.Add(closing);
        foreach (var option in (Option[])[waive, closeFormat]) close.Options.Add(option);
        close.SetAction(async (parsed, cancel) =>
        {
            using var client = openClose(parsed);
            var body = JsonSerializer.Serialize(new { waive = parsed.GetValue(waive) ?? [] });
            var month = parsed.GetValue(closing)!;
            var work = client.JsonAsync(HttpMethod.Post, $"v1/periods/{Uri.EscapeDataString(month)}/close", body, cancel);
            Show(await ProgressLine.ForPeople().WhileAsync($"closing {Tables.Inert(month)}", work, () => ClosingAsync(client, month, cancel), TimeProvider.System, cancel), parsed.GetValue(closeFormat)!);
            return 0;
        });
        return command;
    }

    // Null: it ends just now, or another replica does it.
    private static async Task<(string Stage, long Done, long Total)?> ClosingAsync(ApiClient client, string month, CancellationToken cancel)
    {
        try
        {
            return await client.FindAsync($"v1/periods/{Uri.EscapeDataString(month)}/closing", cancel) is { } now ? (now.GetProperty("stage").GetString()!, now.GetProperty("done").GetInt64(), now.GetProperty("total").GetInt64()) : null;
        }
        catch (UserErrorException)
        {
            // What the closing itself ends with is told.
            return null;
        }
    }

    public static Command Invoices()
    {
        var command = new Command("invoices", "Invoices, credit notes and debit notes.");
        var list = Part(command, "list", "Lists them in the order of their numbers; --state draft: what open months would issue now.", out var open);
        var format = CommonOptions.Format();
        var state = new Option<string?>("--state") { Description = "draft, issued, corrected or voided; left out: all that are issued" };
        state.AcceptOnlyFromAmong("draft", "issued", "corrected", "voided");
        var period = new Option<string?>("--period") { Description = "The month that issues them, such as 2026-10; of drafts default the current one, and the one before while it is open", HelpName = "MONTH" };
        foreach (var option in (Option[])[format, state, period]) list.Options.Add(option);
        list.SetAction(async (parsed, cancel) =>
        {
            using var client = open(parsed);
            var answer = await client.GetAsync("v1/invoices?limit=10000" + Asked("state", parsed.GetValue(state)) + Asked("period", parsed.GetValue(period)), cancel);
            string[] header = ["id", "kind", "state", "period", "for", "tenant", "total", "currency", "issued"];
            var rows = answer.GetProperty("invoices").EnumerateArray().Select(item => Cells(item, "id", "kind", "state", "period", "origin", "tenant", "total", "currency", "issuedOn"));
            if (parsed.GetValue(format) == "json") Console.Out.WriteLine(JsonSerializer.Serialize(answer, CliJson.Indented));
            else if (parsed.GetValue(format) == "csv") Tables.WriteCsv(header, rows);
            else Tables.Write(header, rows, new HashSet<int> { 6 });
            return 0;
        });

        var show = Part(command, "show", "Shows one, or a draft by its name in the list, with its lines.", out var openShow);
        var id = new Argument<string>("NUMBER");
        var showFormat = new Option<string>("--format") { Description = "table, json (as it was hashed), csv, xlsx or html (to print)", DefaultValueFactory = _ => "table", HelpName = "FORMAT" };
        showFormat.AcceptOnlyFromAmong("table", "json", "csv", "html", "xlsx");
        var output = new Option<string?>("--output", "-o") { Description = "Writes to a file; needed for xlsx", HelpName = "FILE" };
        show.Options.Add(output);
        show.Arguments.Add(id);
        show.Options.Add(showFormat);
        show.SetAction(async (parsed, cancel) =>
        {
            using var client = openShow(parsed);
            var path = "v1/invoices/" + Uri.EscapeDataString(parsed.GetValue(id)!);
            var (file, wanted) = (parsed.GetValue(output), parsed.GetValue(showFormat)!);
            if (file is not null) await SaveAsync(client, $"{path}?format={(wanted == "table" ? "json" : wanted)}", file, cancel);
            else if (wanted == "xlsx") throw UserErrorException.Usage("A workbook is no text; give -o FILE.");
            else if (wanted != "table") Console.Out.WriteLine(await client.GetTextAsync($"{path}?format={wanted}", cancel));
            else Document(await client.GetAsync(path + "?format=json", cancel), await client.GetAsync(path + "/state", cancel));
            return 0;
        });

        var voiding = Part(command, "void", "Takes an invoice back with a note in the open month; it keeps its number. Repeating it changes nothing.", out var openVoid);
        var (voidId, reason, voidFormat) = (new Argument<string>("NUMBER"), new Option<string>("--reason") { Description = "Why; it is audited and stands on the invoice", Required = true, HelpName = "TEXT" }, CommonOptions.TableOrJson());
        voiding.Arguments.Add(voidId);
        foreach (var option in (Option[])[reason, voidFormat]) voiding.Options.Add(option);
        voiding.SetAction(async (parsed, cancel) =>
        {
            using var client = openVoid(parsed);
            var state = await client.JsonAsync(HttpMethod.Post, $"v1/invoices/{Uri.EscapeDataString(parsed.GetValue(voidId)!)}/void", JsonSerializer.Serialize(new { reason = parsed.GetValue(reason) }), cancel);
            if (parsed.GetValue(voidFormat) == "json") Console.Out.WriteLine(JsonSerializer.Serialize(state, CliJson.Indented));
            else Console.Out.WriteLine(StateText(state));
            return 0;
        });

        var reissue = Part(command, "reissue", "Issues a voided invoice anew, by the prices and the contract as they are now, once.", out var openReissue);
        var (reissueId, reissueFormat) = (new Argument<string>("NUMBER"), CommonOptions.TableOrJson());
        reissue.Arguments.Add(reissueId);
        reissue.Options.Add(reissueFormat);
        reissue.SetAction(async (parsed, cancel) =>
        {
            using var client = openReissue(parsed);
            var document = await client.JsonAsync(HttpMethod.Post, $"v1/invoices/{Uri.EscapeDataString(parsed.GetValue(reissueId)!)}/reissue", null, cancel);
            if (parsed.GetValue(reissueFormat) == "json") Console.Out.WriteLine(JsonSerializer.Serialize(document, CliJson.Indented));
            else Lines(document);
            return 0;
        });

        var explain = Part(command, "explain", "Walks an invoice, or one of its charges such as 2026-10-17, back to the kernel's readings.", out var openExplain);
        var what = new Argument<string>("NUMBER|CHARGE");
        var explainFormat = CommonOptions.TableOrJson();
        explain.Arguments.Add(what);
        explain.Options.Add(explainFormat);
        explain.SetAction(async (parsed, cancel) =>
        {
            using var client = openExplain(parsed);
            var asked = parsed.GetValue(what)!;
            var isCharge = asked.Contains('-', StringComparison.Ordinal);
            var answer = isCharge ? await client.GetAsync($"v1/charges/{Uri.EscapeDataString(asked)}/explain", cancel) : await ChargesAsync(client, asked, cancel);
            if (parsed.GetValue(explainFormat) == "json") Console.Out.WriteLine(JsonSerializer.Serialize(answer, CliJson.Indented));
            else if (isCharge) Explain(answer);
            else Tables.Write(["charge", "day", "workload", "what", "tier", "quantity", "unit", "price", "cost"], answer.EnumerateArray().Select(item => Cells(item, "id", "day", "workload", "sku", "tier", "quantity", "unit", "unitPrice", "cost")), new HashSet<int> { 2, 4, 5, 7, 8 });
            return 0;
        });
        return command;
    }

    private static async Task<JsonElement> ChargesAsync(ApiClient client, string invoice, CancellationToken cancel)
    {
        var (charges, cursor) = (new List<JsonElement>(), "");
        do
        {
            using var page = await client.SendAsync(HttpMethod.Get, $"v1/invoices/{Uri.EscapeDataString(invoice)}/charges?cursor={cursor}", null, cancel);
            charges.AddRange((await page.Content.ReadFromJsonAsync<JsonElement>(cancel)).EnumerateArray());
            cursor = page.Headers.TryGetValues("X-Next-Cursor", out var next) ? next.First() : "";
        }
        while (cursor.Length > 0);
        return JsonSerializer.SerializeToElement(charges);
    }

    private static Command Part(Command parent, string name, string description, out Func<ParseResult, ApiClient> open)
    {
        var (url, key, data) = (CommonOptions.Url(), CommonOptions.Key(), CommonOptions.Data());
        var part = new Command(name, description);
        foreach (var option in (Option[])[url, key, data]) part.Options.Add(option);
        parent.Subcommands.Add(part);
        open = parsed => ApiClient.Create(parsed.GetValue(url), parsed.GetValue(key), parsed.GetValue(data)!);
        return part;
    }

    private static string Asked(string name, string? value) => value is null ? "" : $"&{name}={Uri.EscapeDataString(value)}";

    private static void Show(JsonElement period, string format)
    {
        if (format == "json")
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(period, CliJson.Indented));
            return;
        }

        Console.Out.WriteLine($"{Tables.Text(period, "period")} is {Tables.Text(period, "state")}, from {Tables.Text(period, "start")} to {Tables.Text(period, "end")}");
        foreach (var obstacle in period.GetProperty("obstacles").EnumerateArray()) Console.Out.WriteLine("  " + Tables.Text(obstacle));
        foreach (var document in period.GetProperty("documents").EnumerateArray())
        {
            Console.Out.WriteLine();
            Lines(document);
        }
    }

    private static async Task SaveAsync(ApiClient client, string path, string file, CancellationToken cancel)
    {
        using var response = await client.StreamAsync(path, cancel);
        await using var content = await response.Content.ReadAsStreamAsync(cancel);
        await OutputFile.SaveAsync(content, file, cancel);
    }

    private static void Document(JsonElement document, JsonElement state)
    {
        if (Tables.Text(state, "state") != "issued") Console.Out.WriteLine(StateText(state));
        Lines(document);
    }

    private static string StateText(JsonElement state) => $"{Tables.Text(state, "id")} is {Tables.Text(state, "state")}" + (Tables.Text(state, "voidedBy") is { Length: > 0 } note ? $" by {note}: {Tables.Text(state, "reason")}" : "") +
        (Tables.Text(state, "replacedBy") is { Length: > 0 } anew ? $"; issued anew as {anew}" : "");

    private static void Lines(JsonElement document)
    {
        Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{Tables.Text(document, "kind")} {Tables.Text(document, "id")} for {Tables.Text(document, "origin")}, {Tables.Text(document.GetProperty("tenant"), "id")}: {Tables.Text(document, "total")} {Tables.Text(document, "currency")}"));
        Tables.Write(["what", "tier", "quantity", "price", "amount", "unit"], document.GetProperty("lines").EnumerateArray().Select(line => Cells(line, "text", "tier", "quantity", "unitPrice", "amount", "unit")), Right);
    }

    private static void Explain(JsonElement charge)
    {
        Tables.WriteFacts(Console.Out, [.. new[] { "id", "tenant", "day", "sku", "arithmetic", "coverage", "estimatedShare" }.Select(name => (name, Tables.Text(charge, name)))]);
        var buckets = charge.GetProperty("buckets").EnumerateArray();
        if (buckets.Any(bucket => bucket.TryGetProperty("credited", out var credited) && credited.ValueKind == JsonValueKind.Number))
            Tables.Write(["bucket", "used", "reserved", "waited", "of", "credited"], buckets.Select(bucket => Cells(bucket, "start", "quantity", "reserved", "waited", "there", "credited")), new HashSet<int> { 1, 2, 3, 4, 5 });
        else Tables.Write(["bucket", "counted", "reserved"], buckets.Select(bucket => Cells(bucket, "start", "quantity", "reserved")), new HashSet<int> { 1, 2 });
        Tables.Write(["epoch", "batch", "window", "sha256", "counter from", "to", "quantity"], charge.GetProperty("batches").EnumerateArray().SelectMany(batch => batch.GetProperty("readings").EnumerateArray(),
            (batch, reading) => (IReadOnlyList<string>)[.. Cells(batch, "epoch", "sequence", "windowEnd", "sha256"), .. Cells(reading, "start", "end", "quantity")]), new HashSet<int> { 1, 4, 5, 6 });
    }

    private static IReadOnlyList<string> Cells(JsonElement item, params string[] properties) => Array.ConvertAll(properties, name => Tables.Text(item, name));
}
