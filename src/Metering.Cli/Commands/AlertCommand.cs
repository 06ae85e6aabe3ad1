using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Metering.Cli.Client;
using Metering.Cli.Resources;
using Metering.Safety;
using Metering.Units;

namespace Metering.Cli.Commands;

/// <summary><c>webhooks</c>, <c>alerts</c>, <c>silences</c>: what fires, whom it is told, how that went, and what is kept back.</summary>
internal static class AlertCommand
{
    public static Command Webhooks() => ResourceCommand.With("webhooks", "Where alerts are sent to: webhook, alertmanager, slack, teams, pagerduty, email, log.", connection =>
    [
        ResourceCommand.List(connection, "v1/webhooks", "", ["id", "channel", "to", "failing since", "disabled"],
            (item, _) => [.. ResourceCommand.Cells(item, "id", "channel"), Target(item), .. ResourceCommand.Cells(item, "failingSince", "disabled")]),
        ResourceCommand.Show(connection, "ID", Path),
        ResourceCommand.Apply(connection, DocumentKind.Webhooks),
        ResourceCommand.Remove(connection, "Removes an endpoint and its deliveries.", Path),
        Test(connection),
        Deliveries(connection),
        Delivery(connection),
        Redeliver(connection),
        Rotate(connection),
    ]);

    public static Command Alerts()
    {
        var history = new Option<bool>("--history") { Description = "Every change of state, newest first" };
        var state = new Option<string?>("--state") { Description = "firing, pending or resolved only" };
        state.AcceptOnlyFromAmong("firing", "pending", "resolved");
        var limit = new Option<int>("--limit") { Description = "1 to 1000", DefaultValueFactory = _ => 100, HelpName = "N" };
        var format = CommonOptions.Format();
        return ResourceCommand.Alone("alerts", "Shows alerts as they are now, those that fire first.", [history, state, limit, format], async (client, parsed, cancel) =>
        {
            var isHistory = parsed.GetValue(history);
            var query = $"?limit={parsed.GetValue(limit)}" + (parsed.GetValue(state) is { } only ? "&state=" + only : "");
            var answer = await client.GetAsync((isHistory ? "v1/alerts" : "v1/alerts/current") + query, cancel);
            string[] header = isHistory ? ["at", "state", "severity", "alert", "tenant", "value", "limit", "silence", "id"] : ["state", "severity", "alert", "tenant", "value", "limit", "since", "silence"];
            var rows = answer.EnumerateArray().Select(item => (IReadOnlyList<string>)(isHistory
                ? [.. ResourceCommand.Cells(item, "at", "state", "severity"), Subject(item), Tables.Text(item, "tenant"), .. Figures(item), .. ResourceCommand.Cells(item, "silence", "id")]
                : [.. ResourceCommand.Cells(item, "state", "severity"), Subject(item), Tables.Text(item, "tenant"), .. Figures(item), .. ResourceCommand.Cells(item, "since", "silence")]));
            Print(answer, header, rows, parsed.GetValue(format)!);
        });
    }

    public static Command Silences() => ResourceCommand.With("silences", "Maintenance: alerts that match are recorded and not sent.", connection =>
    [
        ResourceCommand.List(connection, "v1/silences", "", ["id", "state", "match", "from", "to", "author", "comment"],
            (item, _) => [.. ResourceCommand.Cells(item, "id", "state"), ResourceCommand.Match(item.GetProperty("match")), .. ResourceCommand.Cells(item, "startsAt", "endsAt", "author", "comment")]),
        AddSilence(connection),
        ResourceCommand.Remove(connection, "Ends a silence now; what still fires is sent.", id => "v1/silences/" + Uri.EscapeDataString(id), "end", "ended"),
    ]);

    private static string Path(string id) => "v1/webhooks/" + Uri.EscapeDataString(id);

    private static string Target(JsonElement item) => new[] { "url", "server", "file" }.Select(name => Tables.Text(item, name)).FirstOrDefault(text => text.Length > 0) ?? "";

    private static string Subject(JsonElement item)
    {
        var data = item.GetProperty("data");
        var name = Tables.Text(data, "quota") is { Length: > 0 } quota ? $"quota {quota}" : $"{Tables.Text(data, "type")} {Tables.Text(data, "endpoint")}";
        return Tables.Text(data, "threshold") is { Length: > 0 } threshold ? $"{name} {Tables.Text(data, "meter")} {threshold}" : name;
    }

    private static IReadOnlyList<string> Figures(JsonElement item) => ResourceCommand.Cells(item.GetProperty("data"), "value", "limit");

    private static Command Test(ResourceCommand.Connection connection)
    {
        var id = new Argument<string>("ID");
        var command = new Command("test", "Sends a test event; 'deliveries' shows how it went.") { id };
        command.SetAction(async (parsed, cancel) =>
        {
            using var client = connection.Open(parsed);
            var delivery = await client.JsonAsync(HttpMethod.Post, Path(parsed.GetValue(id)!) + "/test", null, cancel);
            Console.Out.WriteLine($"test event {Tables.Text(delivery, "eventId")} is on its way; see 'metering webhooks deliveries {Tables.Inert(parsed.GetValue(id)!)}'");
            return 0;
        });
        return command;
    }

    private static Command Deliveries(ResourceCommand.Connection connection)
    {
        var id = new Argument<string>("ID");
        var state = new Option<string?>("--state") { Description = "pending, delivered or dead only" };
        state.AcceptOnlyFromAmong("pending", "delivered", "dead");
        var limit = new Option<int>("--limit") { Description = "1 to 1000", DefaultValueFactory = _ => 100, HelpName = "N" };
        var format = CommonOptions.Format();
        var since = new Option<string?>("--since") { Description = "Recorded from an instant on (RFC 3339)", HelpName = "TIME" };
        var until = new Option<string?>("--until") { Description = "Recorded before an instant", HelpName = "TIME" };
        var command = new Command("deliveries", "Shows what was sent, newest first.") { id, state, since, until, limit, format };
        command.SetAction(async (parsed, cancel) =>
        {
            using var client = connection.Open(parsed);
            var answer = await client.GetAsync($"{Path(parsed.GetValue(id)!)}/deliveries?limit={parsed.GetValue(limit)}" + (parsed.GetValue(state) is { } only ? "&state=" + only : "")
                + string.Concat(new[] { ("since", parsed.GetValue(since)), ("until", parsed.GetValue(until)) }.Where(pair => pair.Item2 is not null).Select(pair => $"&{pair.Item1}={Uri.EscapeDataString(pair.Item2!)}")), cancel);
            Print(answer, ["event", "state", "attempts", "created", "next attempt", "status", "error"],
                answer.EnumerateArray().Select(item => ResourceCommand.Cells(item, "eventId", "state", "attempts", "createdAt", "nextAttemptAt", "lastStatus", "lastError")), parsed.GetValue(format)!);
            return 0;
        });
        return command;
    }

    private static Command Delivery(ResourceCommand.Connection connection)
    {
        var (id, eventId) = (new Argument<string>("ID"), new Argument<string>("EVENT"));
        var format = CommonOptions.Format();
        var command = new Command("attempts", "Shows every attempt to deliver one event.") { id, eventId, format };
        command.SetAction(async (parsed, cancel) =>
        {
            using var client = connection.Open(parsed);
            var answer = await client.GetAsync($"{Path(parsed.GetValue(id)!)}/deliveries/{Uri.EscapeDataString(parsed.GetValue(eventId)!)}", cancel);
            Print(answer, ["at", "seconds", "outcome", "status", "reason", "answer"],
                answer.GetProperty("attempts").EnumerateArray().Select(item => ResourceCommand.Cells(item, "at", "seconds", "outcome", "status", "reason", "answer")), parsed.GetValue(format)!);
            return 0;
        });
        return command;
    }

    private static Command Redeliver(ResourceCommand.Connection connection)
    {
        var id = new Argument<string>("ID");
        var one = new Option<string?>("--event") { Description = "One event", HelpName = "EVENT" };
        var since = new Option<string?>("--since") { Description = "All from an instant on (RFC 3339)", HelpName = "TIME" };
        var until = new Option<string?>("--until") { Description = "With --since: all before an instant", HelpName = "TIME" };
        var command = new Command("redeliver", "Sends again what was delivered or given up, in its order.") { id, one, since, until };
        command.SetAction(async (parsed, cancel) =>
        {
            if (parsed.GetValue(one) is null && parsed.GetValue(since) is null) throw UserErrorException.Usage("Say what to send again: --event EVENT or --since TIME.");
            using var client = connection.Open(parsed);
            var query = string.Join('&', new[] { ("eventId", parsed.GetValue(one)), ("since", parsed.GetValue(since)), ("until", parsed.GetValue(until)) }.Where(pair => pair.Item2 is not null).Select(pair => $"{pair.Item1}={Uri.EscapeDataString(pair.Item2!)}"));
            var answer = await client.JsonAsync(HttpMethod.Post, $"{Path(parsed.GetValue(id)!)}/redeliver?{query}", null, cancel);
            Console.Out.WriteLine($"{Tables.Text(answer, "redelivered")} on their way again");
            return 0;
        });
        return command;
    }

    private static Command Rotate(ResourceCommand.Connection connection)
    {
        var id = new Argument<string>("ID");
        var overlap = new Option<string?>("--overlap") { Description = "How long the secret before signs too; default 1d, at most 30d", HelpName = "TIME" };
        var command = new Command("rotate", "Makes a new secret for a webhook; it is shown once.") { id, overlap };
        command.SetAction(async (parsed, cancel) =>
        {
            using var client = connection.Open(parsed);
            var query = parsed.GetValue(overlap) is { } span ? "?overlap=" + Uri.EscapeDataString(span) : "";
            var answer = await client.JsonAsync(HttpMethod.Post, $"{Path(parsed.GetValue(id)!)}/rotate{query}", null, cancel);
            Tables.WriteFacts(Console.Out, [("secret (shown once)", Tables.Text(answer, "secret")), ("the one before signs until", Tables.Text(answer, "formerSecretUntil"))]);
            return 0;
        });
        return command;
    }

    private static Command AddSilence(ResourceCommand.Connection connection)
    {
        var match = new Argument<string[]>("LABEL=VALUE") { Description = "Labels that have to match, such as tenant=acme or quota='batch-*'", Arity = ArgumentArity.OneOrMore };
        var span = new Option<string>("--for") { Description = "How long, such as 2h", Required = true, HelpName = "TIME" };
        var from = new Option<string?>("--from") { Description = "From when (RFC 3339); left out: from now", HelpName = "TIME" };
        var comment = new Option<string>("--comment") { Description = "Why", Required = true };
        var author = new Option<string?>("--author") { Description = "Who; left out: the name of the key" };
        var command = new Command("add", "Keeps alerts that match from being sent.") { match, span, from, comment, author };
        command.SetAction(async (parsed, cancel) =>
        {
            var labels = new JsonObject();
            foreach (var pair in parsed.GetValue(match)!)
            {
                var equals = pair.IndexOf('=', StringComparison.Ordinal);
                if (equals <= 0) throw UserErrorException.Usage($"'{Tables.Inert(pair)}' is not LABEL=VALUE, such as tenant=acme.");
                labels[pair[..equals]] = pair[(equals + 1)..];
            }

            if (!Duration.TryParse(parsed.GetValue(span), out var length) || length <= TimeSpan.Zero) throw UserErrorException.Usage($"--for is '{Tables.Inert(parsed.GetValue(span)!)}'; give a time such as 2h.");
            var start = TimeProvider.System.GetUtcNow();
            if (parsed.GetValue(from) is { } text && !DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out start)) throw UserErrorException.Usage($"--from is '{Tables.Inert(text)}'; give RFC 3339.");
            var body = new JsonObject { ["match"] = labels, ["startsAt"] = parsed.GetValue(from) is null ? null : JsonValue.Create(start), ["endsAt"] = start + length, ["author"] = parsed.GetValue(author), ["comment"] = parsed.GetValue(comment) };
            using var client = connection.Open(parsed);
            var silence = await client.JsonAsync(HttpMethod.Post, "v1/silences", body.ToJsonString(), cancel);
            Console.Out.WriteLine($"{Tables.Text(silence, "id")} until {Tables.Text(silence, "endsAt")}");
            return 0;
        });
        return command;
    }

    private static void Print(JsonElement answer, IReadOnlyList<string> header, IEnumerable<IReadOnlyList<string>> rows, string format)
    {
        if (format == "json") Console.Out.WriteLine(JsonSerializer.Serialize(answer, CliJson.Indented));
        else if (format == "csv") Tables.WriteCsv(header, rows);
        else Tables.Write(header, rows);
    }
}
