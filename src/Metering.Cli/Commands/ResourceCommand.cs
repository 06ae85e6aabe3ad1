using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Metering.Cli.Client;
using Metering.Cli.Resources;
using Metering.Safety;

namespace Metering.Cli.Commands;

/// <summary><c>tenants</c>, <c>ownership</c>, <c>prices</c>, <c>quotas</c>, <c>webhooks</c>, <c>keys</c>: list, show, apply and what else each can do.</summary>
internal static class ResourceCommand
{
    private sealed record Connection(Option<string?> Url, Option<string?> Key, Option<string> Data)
    {
        public ApiClient Open(ParseResult parsed) => ApiClient.Create(parsed.GetValue(Url), parsed.GetValue(Key), parsed.GetValue(Data)!);
    }

    private delegate IReadOnlyList<string> Row(JsonElement item, int index);

    public static Command Tenants() => With("tenants", "Whom usage is billed to.", connection =>
    [
        List(connection, "v1/tenants", "", ["id", "name", "time zone", "currency", "price book"], (item, _) => Cells(item, "id", "name", "timeZone", "currency", "priceBook")),
        Show(connection, "ID", id => "v1/tenants/" + Uri.EscapeDataString(id)),
        Apply(connection, DocumentKind.Tenants),
    ]);

    public static Command Ownership() => With("ownership", "Which workloads belong to which tenant; the first rule that matches wins.", connection =>
    [
        List(connection, "v1/ownership-rules", "rules", ["#", "match", "tenant", "project", "from", "to"],
            (item, i) => [(i + 1).ToString(CultureInfo.InvariantCulture), Match(item.GetProperty("match")), .. Cells(item, "tenant", "project", "from", "to")]),
        ShowRule(connection),
        ApplyForced(connection, DocumentKind.Ownership, "Takes tenants and kinds that are not known yet, and rules that are never reached"),
    ]);

    public static Command Prices() => With("prices", "Price books and their versions.", connection =>
    [
        List(connection, "v1/price-books", "", ["book", "versions"], (item, _) => Cells(item, "book", "versions")),
        ShowBook(connection),
        ApplyPrices(connection),
    ]);

    public static Command Contracts() => With("contracts", "What was agreed with a tenant: book, discount, minimum, commitment, credits, prepaid amounts.", connection =>
    [
        Show(connection, "TENANT", id => $"v1/tenants/{Uri.EscapeDataString(id)}/contract"),
        Apply(connection, DocumentKind.Contracts),
    ]);

    public static Command Allocation() => With("allocation", "What hosts cost, and how that is split over tenants; 'cost --allocation hosts' shows the shares.", connection =>
    [
        List(connection, "v1/allocation", "versions", ["#", "from", "to", "currency", "idle", "overhead", "shared", "hosts"],
            (item, i) => [(i + 1).ToString(CultureInfo.InvariantCulture), .. Cells(item, "validFrom", "validTo", "currency", "idle", "overheadSplit", "sharedSplit"), item.GetProperty("hosts").GetArrayLength().ToString(CultureInfo.InvariantCulture)], 0, 7),
        ApplyForced(connection, DocumentKind.Allocation, "Takes changes of the past; it is audited"),
    ]);

    public static Command Quotas() => With("quotas", "Limits, and how much of them is used.", connection =>
    [
        List(connection, "v1/quotas", "", ["id", "tenant", "meter", "window", "used", "limit", "%", "fired", "notify"],
            (item, _) => [Tables.Text(item, "id"), Tables.Text(item.GetProperty("subject"), "tenant"), .. Cells(item, "meter", "window", "value", "limit", "percent", "fired", "notify")], 4, 5, 6),
        Show(connection, "ID", id => "v1/quotas/" + Uri.EscapeDataString(id)),
        Apply(connection, DocumentKind.Quotas),
        Remove(connection, "Removes a quota.", id => "v1/quotas/" + Uri.EscapeDataString(id)),
    ]);

    public static Command Webhooks() => With("webhooks", "Where alerts are posted to.", connection =>
    [
        List(connection, "v1/webhooks", "", ["id", "url", "disabled"], (item, _) => Cells(item, "id", "url", "disabled")),
        Show(connection, "ID", id => "v1/webhooks/" + Uri.EscapeDataString(id)),
        Apply(connection, DocumentKind.Webhooks),
        Remove(connection, "Removes a webhook.", id => "v1/webhooks/" + Uri.EscapeDataString(id)),
        Test(connection),
        Deliveries(connection),
        Redeliver(connection),
    ]);

    public static Command Reports() => With("reports", "Reports that are made and delivered by the clock.", connection =>
    [
        List(connection, "v1/reports", "", ["id", "report", "format", "every", "at", "to", "last", "delivered", "error"], (item, _) =>
            [Tables.Text(item, "id"), .. Cells(item.GetProperty("schedule"), "report", "format", "every", "at"),
             Or(Tables.Text(item.GetProperty("schedule"), "directory"), "webhook " + Tables.Text(item.GetProperty("schedule"), "webhook")), .. Cells(item, "lastOccurrence", "deliveredAt", "error")]),
        Show(connection, "ID", id => "v1/reports/" + Uri.EscapeDataString(id)),
        Apply(connection, DocumentKind.Reports),
        Remove(connection, "Removes a scheduled report and what it has made.", id => "v1/reports/" + Uri.EscapeDataString(id)),
        RunReport(connection),
    ]);

    public static Command Keys() => With("keys", "API keys.", connection =>
    [
        List(connection, "v1/api-keys", "", ["id", "role", "name", "tenant", "host", "created", "expires"], (item, _) => Cells(item, "id", "role", "name", "tenant", "host", "createdAt", "expiresAt")),
        CreateKey(connection),
        Remove(connection, "Revokes a key; it is refused within 10 s.", id => "v1/api-keys/" + Uri.EscapeDataString(id), "revoke", "revoked"),
    ]);

    private static Command With(string name, string description, Func<Connection, Command[]> make)
    {
        var command = new Command(name, description);
        var connection = new Connection(CommonOptions.Url(), CommonOptions.Key(), CommonOptions.Data());
        foreach (var part in make(connection))
        {
            foreach (var option in (Option[])[connection.Url, connection.Key, connection.Data]) part.Options.Add(option);
            command.Subcommands.Add(part);
        }

        return command;
    }

    private static Command List(Connection connection, string path, string property, IReadOnlyList<string> header, Row row, params int[] right)
    {
        var format = CommonOptions.Format();
        var command = new Command("list", "Lists them.") { format };
        command.SetAction(async (parsed, cancel) =>
        {
            using var client = connection.Open(parsed);
            var answer = await client.GetAsync(path, cancel);
            var items = (property.Length == 0 ? answer : answer.GetProperty(property)).EnumerateArray().Select((item, i) => row(item, i));
            if (parsed.GetValue(format) == "json") Console.Out.WriteLine(JsonSerializer.Serialize(answer, CliJson.Indented));
            else if (parsed.GetValue(format) == "csv") Tables.WriteCsv(header, items);
            else Tables.Write(header, items, right.ToHashSet());
            return 0;
        });
        return command;
    }

    private static Command Show(Connection connection, string what, Func<string, string> path)
    {
        var id = new Argument<string>(what);
        var format = CommonOptions.TableOrJson();
        var command = new Command("show", "Shows one.") { id, format };
        command.SetAction(async (parsed, cancel) =>
        {
            using var client = connection.Open(parsed);
            Print(await client.GetAsync(path(parsed.GetValue(id)!), cancel), parsed.GetValue(format)!);
            return 0;
        });
        return command;
    }

    private static Command ShowRule(Connection connection)
    {
        var number = new Argument<int>("NUMBER") { Description = "The rule's place in the list, from 1" };
        var format = CommonOptions.TableOrJson();
        var command = new Command("show", "Shows one rule.") { number, format };
        command.SetAction(async (parsed, cancel) =>
        {
            using var client = connection.Open(parsed);
            var rules = (await client.GetAsync("v1/ownership-rules", cancel)).GetProperty("rules").EnumerateArray().ToList();
            var at = parsed.GetValue(number);
            if (at < 1 || at > rules.Count) throw new UserErrorException($"There is no rule {at}; there are {rules.Count}, see 'metering ownership list'.");
            Print(rules[at - 1], parsed.GetValue(format)!);
            return 0;
        });
        return command;
    }

    private static Command ShowBook(Connection connection)
    {
        var id = new Argument<string>("BOOK[/VERSION]");
        var format = CommonOptions.TableOrJson();
        var command = new Command("show", "Shows the prices of a book.") { id, format };
        command.SetAction(async (parsed, cancel) =>
        {
            using var client = connection.Open(parsed);
            var parts = parsed.GetValue(id)!.Split('/', 2);
            var book = (await client.GetAsync("v1/price-books", cancel)).EnumerateArray().FirstOrDefault(item => Tables.Text(item, "book") == parts[0]);
            if (book.ValueKind != JsonValueKind.Object) throw new UserErrorException($"There is no price book '{Tables.Inert(parts[0])}'; see 'metering prices list'.");
            var versions = parts.Length > 1 ? [parts[1]] : book.GetProperty("versions").EnumerateArray().Select(Tables.Text).ToArray();
            var found = new List<object>();
            foreach (var version in versions)
            {
                var prices = await client.GetAsync($"v1/price-books/{Uri.EscapeDataString(parts[0])}/versions/{Uri.EscapeDataString(version)}", cancel);
                found.Add(new { book = parts[0], version, prices });
                if (parsed.GetValue(format) == "json") continue;
                Console.Out.WriteLine($"{Tables.Inert(parts[0])} version {version}: {Tables.Text(prices, "currency")}, from {Or(Tables.Text(prices, "validFrom"), "the beginning")} to {Or(Tables.Text(prices, "validTo"), "further notice")}");
                Tables.Write(["meter", "unit", "model", "basis", "for", "price"], prices.GetProperty("prices").EnumerateArray().Select(price => (IReadOnlyList<string>)[.. Cells(price, "meter", "unit", "model", "basis"), Selector(price), Amount(price)]), new HashSet<int> { 5 });
            }

            if (parsed.GetValue(format) == "json") Console.Out.WriteLine(JsonSerializer.Serialize(found, CliJson.Indented));
            return 0;
        });
        return command;
    }

    private static Command Apply(Connection connection, DocumentKind kind)
    {
        var file = new Option<string>("--file", "-f") { Description = "A YAML file; - reads standard input", Required = true, HelpName = "FILE" };
        var command = new Command("apply", "Makes the service's configuration what the file says; repeating it changes nothing.") { file };
        command.SetAction(async (parsed, cancel) =>
        {
            using var client = connection.Open(parsed);
            await new Applier(client, kind).ApplyAsync(parsed.GetValue(file)!, cancel);
            return 0;
        });
        return command;
    }

    private static Command ApplyForced(Connection connection, DocumentKind kind, string takes)
    {
        var file = new Option<string>("--file", "-f") { Description = "A YAML file; - reads standard input", Required = true, HelpName = "FILE" };
        var force = new Option<bool>("--force") { Description = takes };
        var command = new Command("apply", "Makes it what the file says; repeating it changes nothing.") { file, force };
        command.SetAction(async (parsed, cancel) =>
        {
            using var client = connection.Open(parsed);
            await new Applier(client, kind) { Force = parsed.GetValue(force) }.ApplyAsync(parsed.GetValue(file)!, cancel);
            return 0;
        });
        return command;
    }

    private static Command ApplyPrices(Connection connection)
    {
        var file = new Option<string>("--file", "-f") { Description = "A YAML file; - reads standard input", Required = true, HelpName = "FILE" };
        var force = new Option<bool>("--force") { Description = "Takes a start or an end in the past, and selectors that match nothing yet; it is audited" };
        var dryRun = new Option<bool>("--dry-run") { Description = "Changes nothing: shows by tenant what the last periods would have cost by the version that is valid last" };
        var periods = new Option<int>("--periods") { Description = "Months of the dry run, the present one included: 1 to 24", DefaultValueFactory = _ => 1, HelpName = "N" };
        var format = CommonOptions.Format();
        var command = new Command("apply", "Makes the price book what the file says; repeating it changes nothing.") { file, force, dryRun, periods, format };
        command.SetAction(async (parsed, cancel) =>
        {
            using var client = connection.Open(parsed);
            var applier = new Applier(client, DocumentKind.Prices) { Force = parsed.GetValue(force) };
            if (!parsed.GetValue(dryRun)) await applier.ApplyAsync(parsed.GetValue(file)!, cancel);
            else await new PriceDryRun(client, applier).RunAsync(parsed.GetValue(file)!, parsed.GetValue(periods), parsed.GetValue(format)!, cancel);
            return 0;
        });
        return command;
    }

    private static Command Remove(Connection connection, string description, Func<string, string> path, string verb = "remove", string done = "removed")
    {
        var id = new Argument<string>("ID");
        var command = new Command(verb, description) { id };
        command.SetAction(async (parsed, cancel) =>
        {
            using var client = connection.Open(parsed);
            await client.JsonAsync(HttpMethod.Delete, path(parsed.GetValue(id)!), null, cancel);
            Console.Out.WriteLine($"{Tables.Inert(parsed.GetValue(id)!)} {done}");
            return 0;
        });
        return command;
    }

    private static Command RunReport(Connection connection)
    {
        var id = new Argument<string>("ID");
        var command = new Command("run", "Makes and delivers the report now.") { id };
        command.SetAction(async (parsed, cancel) =>
        {
            using var client = connection.Open(parsed);
            var run = await client.JsonAsync(HttpMethod.Post, $"v1/reports/{Uri.EscapeDataString(parsed.GetValue(id)!)}/run", null, cancel);
            if (Tables.Text(run, "error") is { Length: > 0 } error) throw new UserErrorException($"The report could not be delivered: {Tables.Inert(error)}");
            Console.Out.WriteLine($"{Tables.Inert(parsed.GetValue(id)!)} is made as of {Tables.Text(run, "lastOccurrence")}");
            return 0;
        });
        return command;
    }

    private static Command Test(Connection connection)
    {
        var id = new Argument<string>("ID");
        var command = new Command("test", "Sends a test event; 'deliveries' shows how it went.") { id };
        command.SetAction(async (parsed, cancel) =>
        {
            using var client = connection.Open(parsed);
            var delivery = await client.JsonAsync(HttpMethod.Post, $"v1/webhooks/{Uri.EscapeDataString(parsed.GetValue(id)!)}/test", null, cancel);
            Console.Out.WriteLine($"test event {Tables.Text(delivery, "eventId")} is on its way; see 'metering webhooks deliveries {Tables.Inert(parsed.GetValue(id)!)}'");
            return 0;
        });
        return command;
    }

    private static Command Deliveries(Connection connection)
    {
        var id = new Argument<string>("ID");
        var format = CommonOptions.Format();
        var command = new Command("deliveries", "Shows what was posted, newest first.") { id, format };
        command.SetAction(async (parsed, cancel) =>
        {
            using var client = connection.Open(parsed);
            var answer = await client.GetAsync($"v1/webhooks/{Uri.EscapeDataString(parsed.GetValue(id)!)}/deliveries", cancel);
            string[] header = ["event", "state", "attempts", "created", "next attempt", "status", "error"];
            var rows = answer.EnumerateArray().Select(item => Cells(item, "eventId", "state", "attempts", "createdAt", "nextAttemptAt", "lastStatus", "lastError"));
            if (parsed.GetValue(format) == "json") Console.Out.WriteLine(JsonSerializer.Serialize(answer, CliJson.Indented));
            else if (parsed.GetValue(format) == "csv") Tables.WriteCsv(header, rows);
            else Tables.Write(header, rows);
            return 0;
        });
        return command;
    }

    private static Command Redeliver(Connection connection)
    {
        var id = new Argument<string>("ID");
        var one = new Option<string?>("--event") { Description = "One event", HelpName = "EVENT" };
        var since = new Option<string?>("--since") { Description = "All since an instant (RFC 3339)", HelpName = "TIME" };
        var command = new Command("redeliver", "Posts again what was delivered or given up.") { id, one, since };
        command.SetAction(async (parsed, cancel) =>
        {
            if (parsed.GetValue(one) is null && parsed.GetValue(since) is null) throw UserErrorException.Usage("Say what to post again: --event EVENT or --since TIME.");
            using var client = connection.Open(parsed);
            var query = string.Join('&', new[] { ("eventId", parsed.GetValue(one)), ("since", parsed.GetValue(since)) }.Where(pair => pair.Item2 is not null).Select(pair => $"{pair.Item1}={Uri.EscapeDataString(pair.Item2!)}"));
            var answer = await client.JsonAsync(HttpMethod.Post, $"v1/webhooks/{Uri.EscapeDataString(parsed.GetValue(id)!)}/redeliver?{query}", null, cancel);
            Console.Out.WriteLine($"{Tables.Text(answer, "redelivered")} on their way again");
            return 0;
        });
        return command;
    }

    private static Command CreateKey(Connection connection)
    {
        var role = new Option<string>("--role") { Description = "admin, finance, reader (needs --tenant), agent, scrape", Required = true };
        role.AcceptOnlyFromAmong([.. Service.Access.Roles.All]);
        var tenant = new Option<string?>("--tenant") { Description = "What a reader may see" };
        var host = new Option<string?>("--host") { Description = "Whom an agent may speak for; left out: any host" };
        var name = new Option<string?>("--name") { Description = "For people" };
        var expires = new Option<string?>("--expires") { Description = "RFC 3339, or a span from now such as 90d; left out: never", HelpName = "TIME" };
        var format = CommonOptions.TableOrJson();
        var command = new Command("create", "Makes a key; its secret is shown once.") { role, tenant, host, name, expires, format };
        command.SetAction(async (parsed, cancel) =>
        {
            var ends = Expiry(parsed.GetValue(expires), TimeProvider.System.GetUtcNow());
            var body = JsonSerializer.Serialize(new { role = parsed.GetValue(role), name = parsed.GetValue(name), tenant = parsed.GetValue(tenant), host = parsed.GetValue(host), expires = ends });
            using var client = connection.Open(parsed);
            var key = await client.JsonAsync(HttpMethod.Post, "v1/api-keys", body, cancel);
            if (parsed.GetValue(format) == "json") Console.Out.WriteLine(JsonSerializer.Serialize(key, CliJson.Indented));
            else Tables.WriteFacts(Console.Out, [("id", Tables.Text(key, "id")), ("role", Tables.Text(key, "role")), ("expires", Or(Tables.Text(key, "expiresAt"), "never")), ("key (shown once)", Tables.Text(key, "secret"))]);
            return 0;
        });
        return command;
    }

    internal static DateTimeOffset? Expiry(string? text, DateTimeOffset now)
    {
        if (text is null) return null;
        if (Units.Duration.TryParse(text, out var span)) return now + span;
        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) ? at
            : throw UserErrorException.Usage($"--expires is '{Tables.Inert(text)}'; give RFC 3339, or a span from now such as 90d.");
    }

    private static void Print(JsonElement item, string format)
    {
        if (format == "json") Console.Out.WriteLine(JsonSerializer.Serialize(item, CliJson.Indented));
        else Tables.WriteFacts(Console.Out, item.EnumerateObject().Select(field => (field.Name, field.Value.ValueKind == JsonValueKind.Object ? Match(field.Value) : Tables.Text(field.Value))));
    }

    private static IReadOnlyList<string> Cells(JsonElement item, params string[] properties) => Array.ConvertAll(properties, name => Tables.Text(item, name));

    private static string Match(JsonElement match) => string.Join(", ", match.EnumerateObject().Where(field => field.Value.ValueKind != JsonValueKind.Null)
        .Select(field => field.Value.ValueKind == JsonValueKind.Object ? string.Join(", ", field.Value.EnumerateObject().Select(label => $"{field.Name} {label.Name}={Tables.Text(label.Value)}")) : $"{field.Name} {Tables.Text(field.Value)}"));

    private static string Selector(JsonElement price) => price.TryGetProperty("selector", out var selector) && selector.ValueKind == JsonValueKind.Object ? Match(selector) : "";

    private static string Amount(JsonElement price) => Tables.Text(price, "price") is { Length: > 0 } amount ? amount + (Tables.Text(price, "packageSize") is { Length: > 0 } size ? $" per {size}" : "")
        : price.TryGetProperty("tiers", out var tiers) && tiers.ValueKind == JsonValueKind.Array ? string.Join("; ", tiers.EnumerateArray().Select(tier => Tables.Text(tier, "price") + (Tables.Text(tier, "upTo") is { Length: > 0 } upTo ? $" up to {upTo}" : ""))) : "";

    private static string Or(string text, string otherwise) => text.Length == 0 ? otherwise : text;
}
