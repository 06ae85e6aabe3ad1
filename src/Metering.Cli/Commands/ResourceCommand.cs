using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Metering.Cli.Client;
using Metering.Cli.Resources;
using Metering.Safety;

namespace Metering.Cli.Commands;

/// <summary><c>tenants</c>, <c>ownership</c>, <c>prices</c>, <c>quotas</c>, <c>keys</c>: list, show, apply and what else each can do.</summary>
internal static class ResourceCommand
{
    internal sealed record Connection(Option<string?> Url, Option<string?> Key, Option<string> Data)
    {
        public ApiClient Open(ParseResult parsed) => ApiClient.Create(parsed.GetValue(Url), parsed.GetValue(Key), parsed.GetValue(Data)!);
    }

    internal delegate IReadOnlyList<string> Row(JsonElement item, int index);

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
        ApplyForced(connection, DocumentKind.Contracts, "Takes terms of the past, and changes of those that have started; it is audited"),
    ]);

    public static Command Allocation() => With("allocation", "What hosts cost, and how that is split over tenants; 'cost --allocation hosts' shows the shares.", connection =>
    [
        List(connection, "v1/allocation", "versions", ["#", "from", "to", "currency", "idle", "overhead", "shared", "hosts"],
            (item, i) => [(i + 1).ToString(CultureInfo.InvariantCulture), .. Cells(item, "validFrom", "validTo", "currency", "idle", "overheadSplit", "sharedSplit"), item.GetProperty("hosts").GetArrayLength().ToString(CultureInfo.InvariantCulture)], 0, 7),
        ApplyForced(connection, DocumentKind.Allocation, "Takes changes of the past; it is audited"),
    ]);

    public static Command Quotas() => With("quotas", "Limits, and how much of them is used.", connection =>
    [
        List(connection, "v1/quotas", "", ["id", "subject", "meter", "window", "state", "used", "limit", "%", "forecast", "fired", "notify"],
            (item, _) => [Tables.Text(item, "id"), QuotaSubject(item.GetProperty("subject")), QuotaMeter(item), QuotaWindow(item), .. Cells(item, "state", "value", "effectiveLimit", "percent", "forecast", "fired", "notify")], 5, 6, 7, 8),
        Show(connection, "ID", id => "v1/quotas/" + Uri.EscapeDataString(id)),
        QuotaHistory(connection),
        Apply(connection, DocumentKind.Quotas),
        Remove(connection, "Removes a quota.", id => "v1/quotas/" + Uri.EscapeDataString(id)),
    ]);

    public static Command Plans() => With("plans", "Limits by name that quotas go by.", connection =>
    [
        List(connection, "v1/quota-plans", "", ["id", "limits"], (item, _) => [Tables.Text(item, "id"), string.Join(", ", item.GetProperty("limits").EnumerateObject().Select(limit => $"{limit.Name} {Tables.Text(limit.Value)}"))]),
        Show(connection, "ID", id => "v1/quota-plans/" + Uri.EscapeDataString(id)),
        Apply(connection, DocumentKind.Plans),
        Remove(connection, "Removes a plan that no quota goes by.", id => "v1/quota-plans/" + Uri.EscapeDataString(id)),
    ]);

    public static Command Enforcement() => With("enforcement", "What agents are told to do to workloads that are over a quota.", connection =>
    [
        List(connection, "v1/enforcement", "", ["quota", "host", "path", "action", "value", "since", "crossed by batch", "released", "why"],
            (item, _) => [.. Cells(item, "quota", "host", "path"), Tables.Text(item, "action") + (item.GetProperty("dryRun").GetBoolean() ? " (dry run)" : ""), .. Cells(item, "value", "beganAt", "crossedBy", "releasedAt", "releasedWhy")], 4, 6),
        Release(connection),
        EnforcementKey(connection),
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

    /// <summary>A command without parts.</summary>
    internal static Command Alone(string name, string description, Option[] options, Func<ApiClient, ParseResult, CancellationToken, Task> run)
    {
        var command = new Command(name, description);
        var connection = new Connection(CommonOptions.Url(), CommonOptions.Key(), CommonOptions.Data());
        foreach (var option in (Option[])[.. options, connection.Url, connection.Key, connection.Data]) command.Options.Add(option);
        command.SetAction(async (parsed, cancel) =>
        {
            using var client = connection.Open(parsed);
            await run(client, parsed, cancel);
            return 0;
        });
        return command;
    }

    internal static Command With(string name, string description, Func<Connection, Command[]> make)
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

    internal static Command List(Connection connection, string path, string property, IReadOnlyList<string> header, Row row, params int[] right)
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

    private static Command Release(Connection connection)
    {
        var quota = new Option<string?>("--quota") { Description = "Only those of this quota", HelpName = "ID" };
        var host = new Option<string?>("--host") { Description = "Only those on this host", HelpName = "ID" };
        var path = new Option<string?>("--path") { Description = "Only that of this cgroup", HelpName = "PATH" };
        var all = new Option<bool>("--all") { Description = "All of them" };
        var command = new Command("release", "Undoes limits; they come back when their quota fires anew.") { quota, host, path, all };
        command.SetAction(async (parsed, cancel) =>
        {
            using var client = connection.Open(parsed);
            var answer = await client.JsonAsync(HttpMethod.Post, "v1/enforcement/release", JsonSerializer.Serialize(new { quota = parsed.GetValue(quota), host = parsed.GetValue(host), path = parsed.GetValue(path), all = parsed.GetValue(all) }), cancel);
            var count = Tables.Text(answer, "count");
            Console.Out.WriteLine(count == "0" ? "Nothing of that was in force." : $"{count} released; agents undo them with their next answer, within two passes.");
            return 0;
        });
        return command;
    }

    private static Command EnforcementKey(Connection connection)
    {
        var next = new Option<bool>("--next") { Description = "Makes the next key, and prints both: what agents are told while the key is rotated" };
        var change = new Option<bool>("--switch") { Description = "Signs with the next key from now on, and forgets the former one" };
        var command = new Command("key", "Prints what is to stand in the agents' setting Enforcement:PublicKey.") { next, change };
        command.Validators.Add(result =>
        {
            if (result.GetValue(next) && result.GetValue(change)) result.AddError("--next and --switch are two steps: agents are told the next key between them.");
        });
        command.SetAction(async (parsed, cancel) =>
        {
            using var client = connection.Open(parsed);
            var answer = parsed.GetValue(next) ? await client.JsonAsync(HttpMethod.Post, "v1/enforcement/key/next", "{}", cancel)
                : parsed.GetValue(change) ? await client.JsonAsync(HttpMethod.Post, "v1/enforcement/key/switch", "{}", cancel)
                : await client.GetAsync("v1/enforcement/key", cancel);
            Console.Out.WriteLine(string.Join(',', new[] { Tables.Text(answer, "key"), Tables.Text(answer, "next") }.Where(text => text.Length > 0)));
            return 0;
        });
        return command;
    }

    private static Command QuotaHistory(Connection connection)
    {
        var id = new Argument<string>("ID");
        var limit = new Option<int>("--limit") { Description = "The newest so many: 1 to 1000", DefaultValueFactory = _ => 100, HelpName = "N" };
        var format = CommonOptions.Format();
        var command = new Command("history", "Its transitions, newest first.") { id, limit, format };
        command.SetAction(async (parsed, cancel) =>
        {
            using var client = connection.Open(parsed);
            var answer = await client.GetAsync(string.Create(CultureInfo.InvariantCulture, $"v1/quotas/{Uri.EscapeDataString(parsed.GetValue(id)!)}/history?limit={parsed.GetValue(limit)}"), cancel);
            IReadOnlyList<string> header = ["number", "at", "threshold", "from", "to", "value", "limit", "window start", "window end"];
            var rows = answer.EnumerateArray().Select(entry => entry.GetProperty("crossing") is var crossing
                ? (IReadOnlyList<string>)[.. Cells(entry, "number", "at"), Tables.Text(crossing, "threshold") + (Tables.Text(crossing, "thresholdIn") == "percent" ? " %" : ""), Tables.Text(entry, "former"),
                    .. Cells(crossing, "state", "value", "limit", "windowStart", "windowEnd")] : []);
            if (parsed.GetValue(format) == "json") Console.Out.WriteLine(JsonSerializer.Serialize(answer, CliJson.Indented));
            else if (parsed.GetValue(format) == "csv") Tables.WriteCsv(header, rows);
            else Tables.Write(header, rows, new HashSet<int> { 0, 2, 5, 6 });
            return 0;
        });
        return command;
    }

    private static string QuotaSubject(JsonElement subject) => string.Join(' ', subject.EnumerateObject().Where(field => field.Value.ValueKind is not (JsonValueKind.Null or JsonValueKind.False)).Select(field => field.Value.ValueKind switch
    {
        JsonValueKind.True => field.Name,
        JsonValueKind.Object => Match(field.Value),
        _ => $"{field.Name}={Tables.Text(field.Value)}",
    }));

    private static string QuotaMeter(JsonElement quota) => Tables.Text(quota, "kind") switch { "usage" => Tables.Text(quota, "meter"), "starved" => "starved", var kind => $"{kind} of {Tables.Text(quota, "meter")}" };

    private static string QuotaWindow(JsonElement quota) => Tables.Text(quota, "kind") is "rate" or "starved" ? Tables.Text(quota, "for") is { Length: > 0 } hold ? "for " + hold : "minute" : Tables.Text(quota, "window");

    internal static Command Show(Connection connection, string what, Func<string, string> path)
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

    internal static Command Apply(Connection connection, DocumentKind kind)
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

    internal static Command Remove(Connection connection, string description, Func<string, string> path, string verb = "remove", string done = "removed")
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

    private static Command CreateKey(Connection connection)
    {
        var role = new Option<string>("--role") { Description = "admin, finance, reader (needs --tenant), agent, scrape, enroll (needs --host: a token for its agent, good once and for an hour)", Required = true };
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

    internal static void Print(JsonElement item, string format)
    {
        if (format == "json") Console.Out.WriteLine(JsonSerializer.Serialize(item, CliJson.Indented));
        else Tables.WriteFacts(Console.Out, item.EnumerateObject().Select(field => (field.Name, field.Value.ValueKind == JsonValueKind.Object ? Match(field.Value) : Tables.Text(field.Value))));
    }

    internal static IReadOnlyList<string> Cells(JsonElement item, params string[] properties) => Array.ConvertAll(properties, name => Tables.Text(item, name));

    internal static string Match(JsonElement match) => string.Join(", ", match.EnumerateObject().Where(field => field.Value.ValueKind != JsonValueKind.Null)
        .Select(field => field.Value.ValueKind == JsonValueKind.Object ? string.Join(", ", field.Value.EnumerateObject().Select(label => $"{field.Name} {label.Name}={Tables.Text(label.Value)}")) : $"{field.Name} {Tables.Text(field.Value)}"));

    private static string Selector(JsonElement price) => price.TryGetProperty("selector", out var selector) && selector.ValueKind == JsonValueKind.Object ? Match(selector) : "";

    private static string Amount(JsonElement price) => Tables.Text(price, "price") is { Length: > 0 } amount ? amount + (Tables.Text(price, "packageSize") is { Length: > 0 } size ? $" per {size}" : "")
        : price.TryGetProperty("tiers", out var tiers) && tiers.ValueKind == JsonValueKind.Array ? string.Join("; ", tiers.EnumerateArray().Select(tier => Tables.Text(tier, "price") + (Tables.Text(tier, "upTo") is { Length: > 0 } upTo ? $" up to {upTo}" : ""))) : "";

    private static string Or(string text, string otherwise) => text.Length == 0 ? otherwise : text;
}
