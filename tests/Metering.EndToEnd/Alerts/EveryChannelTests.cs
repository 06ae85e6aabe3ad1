using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using Metering.EndToEnd.Line;
using Metering.EndToEnd.Servers;
using Metering.Service.Alerts;
using Metering.Tests.Alerts;
using Metering.Tests.Support;
using Xunit;

namespace Metering.EndToEnd.Alerts;

/// <summary>The example of the repository, with every channel, against real servers: from a batch to each of them, by the commands that people use.</summary>
public sealed class EveryChannelTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_crossing_reaches_every_channel_of_the_example()
    {
        await using var alertmanager = await AlertmanagerServer.StartAsync(Cancel);
        await using var mail = await MailServer.StartAsync(Cancel);
        await using var http = RawReceiver.Answering("200 OK", "", "ok");
        await using var service = ServiceProcess.Service(new Dictionary<string, string?> { ["METERING__Alerts__AllowedAddresses"] = "127.0.0.1", ["SSL_CERT_FILE"] = mail.Authority });
        await service.StartReadyAsync(Cancel);
        var file = Path.Combine(service.Directory.Path, "webhooks.yaml");
        await File.WriteAllTextAsync(file, Local(await File.ReadAllTextAsync(Path.Combine(RepositoryFiles.Root, "deploy", "examples", "webhooks.yaml"), Cancel), http, alertmanager, mail), Cancel);

        var applied = await CommandAsync(service, "webhooks", "apply", "-f", file);
        Assert.Equal(7, applied.Split('\n').Count(line => line.EndsWith(" created", StringComparison.Ordinal)));
        Assert.Contains("secret (shown once): whsec_", applied);
        Assert.Equal(7, (await CommandAsync(service, "webhooks", "apply", "-f", file)).Split('\n').Count(line => line.EndsWith(" unchanged", StringComparison.Ordinal)));

        await service.SendAsync(HttpMethod.Put, "v1/tenants/acme", new { name = "Acme", timeZone = "UTC", currency = "EUR" }, Cancel);
        await service.SendAsync(HttpMethod.Put, "v1/ownership-rules", new { rules = new[] { new { match = new { path = "/e2e-channels*" }, tenant = "acme" } } }, Cancel);
        await service.SendAsync(HttpMethod.Put, "v1/quotas/cpu", new { subject = new { tenant = "acme" }, meter = "cpuSeconds", window = "month", limit = 100, thresholds = new[] { 100 }, notify = new[] { "ops", "team-chat", "team-workflow", "on-call", "finance", "trail", "alertmanager" } }, Cancel);
        await new BatchMaker("e2e-channels", "/e2e-channels/x").Next(150).PostAsync(service.Client, Cancel);

        await alertmanager.WaitAsync(alerts => alerts.Exists(alert => alert.GetProperty("labels").GetProperty("quota").GetString() == "cpu"), "amtool showed the alert", Cancel);
        var letter = (await mail.MailsAsync(1, Cancel))[0];
        Assert.Contains("Subject: FIRING: quota cpu, cpuSeconds at 150 of 100 (150 %)", letter);
        Assert.Contains("Auto-Submitted: auto-generated", letter);
        await service.Child.WaitUntilAsync(_ => Task.FromResult(http.Requests.Count >= 4), "four posts arrived", Soon, Cancel);
        Assert.Equal(["/chat", "/hook", "/pager", "/workflow"], http.Requests.Select(request => request.Split(' ')[1]).Order(StringComparer.Ordinal));
        var trail = Path.Combine(service.Directory.Path, "alerts", "alerts.jsonl");
        await service.Child.WaitUntilAsync(_ => Task.FromResult(File.Exists(trail)), "the file was written", Soon, Cancel);
        Assert.Equal("metering.quota.crossed", JsonSerializer.Deserialize<JsonElement>((await File.ReadAllLinesAsync(trail, Cancel)).Single()).GetProperty("type").GetString());

        await PeopleAsync(service, http);
        service.SaidNoStackTrace();
    }

    [Fact]
    public async Task Killed_between_sending_and_noting_it_sends_the_same_id_again()
    {
        var hold = new TaskCompletionSource();
        var isHeld = true;
        await using var receiver = new RawReceiver(async (socket, cancel) =>
        {
            if (isHeld) await Task.WhenAny(hold.Task, Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancel));
            else await RawReceiver.SendAsync(socket, "HTTP/1.1 204 Yes\r\nConnection: close\r\n\r\n", cancel);
        });
        await using var service = ServiceProcess.Service(new Dictionary<string, string?> { ["METERING__Alerts__AllowedAddresses"] = "127.0.0.1" });
        await service.StartReadyAsync(Cancel);
        await service.SendAsync(HttpMethod.Put, "v1/webhooks/ops", new { url = receiver.Url }, Cancel);
        await service.SendAsync(HttpMethod.Post, "v1/webhooks/ops/test", new { }, Cancel);
        await service.Child.WaitUntilAsync(_ => Task.FromResult(receiver.Requests.Count == 1), "the post arrived", Soon, Cancel);

        await service.KillAsync(Cancel);
        isHeld = false;
        hold.SetResult();
        await service.StartReadyAsync(Cancel);
        await service.Child.WaitUntilAsync(_ => Task.FromResult(receiver.Requests.Count == 2), "it was sent again", Soon, Cancel);

        string Id(int at) => receiver.Requests[at].Split("\r\n").Single(line => line.StartsWith("webhook-id:", StringComparison.OrdinalIgnoreCase));
        Assert.Equal(Id(0), Id(1));
        Assert.Equal(receiver.Requests[0].Split("\r\n\r\n")[1], receiver.Requests[1].Split("\r\n\r\n")[1]);
    }

    // What people do afterwards: look, test, send again, change the secret, silence, and give bad input.
    private static async Task PeopleAsync(ServiceProcess service, RawReceiver http)
    {
        Assert.Contains("firing", await CommandAsync(service, "alerts"));
        Assert.Contains("qt_cpu_", await CommandAsync(service, "alerts", "--history"));
        var delivery = JsonSerializer.Deserialize<JsonElement>(await CommandAsync(service, "webhooks", "deliveries", "ops", "--format", "json"))[0];
        Assert.Equal("delivered", delivery.GetProperty("state").GetString());
        var eventId = delivery.GetProperty("eventId").GetString()!;
        Assert.Contains("Delivered with 200.", await CommandAsync(service, "webhooks", "attempts", "ops", eventId));

        var former = http.Requests.Single(request => request.StartsWith("POST /hook ", StringComparison.Ordinal));
        var rotated = await CommandAsync(service, "webhooks", "rotate", "ops", "--overlap", "2h");
        Assert.True(WebhookSecret.TryParse(rotated.Split('\n')[0].Split(' ')[^1], out var secret, out var why), rotated + why);
        Assert.StartsWith("1 on their way", await CommandAsync(service, "webhooks", "redeliver", "ops", "--event", eventId));
        await service.Child.WaitUntilAsync(_ => Task.FromResult(http.Requests.Count == 5), "it was sent again", Soon, Cancel);
        var again = http.Requests[^1];

        // The same by time: a range without it, a range with it, and one that is no range.
        var day = delivery.GetProperty("createdAt").GetDateTimeOffset().AddHours(-1).ToString("O", CultureInfo.InvariantCulture);
        Assert.Equal("[]", (await CommandAsync(service, "webhooks", "deliveries", "team-workflow", "--until", day, "--format", "json")).Trim());
        Assert.Contains(eventId, await CommandAsync(service, "webhooks", "deliveries", "team-workflow", "--since", day, "--until", "2999-01-01"));
        Assert.StartsWith("1 on their way", await CommandAsync(service, "webhooks", "redeliver", "team-workflow", "--since", day, "--until", "2999-01-01"));
        Assert.StartsWith("0 on their way", await CommandAsync(service, "webhooks", "redeliver", "team-chat", "--since", "2999-01-01"));
        await service.Child.WaitUntilAsync(_ => Task.FromResult(http.Requests.Count == 6), "it was sent again", Soon, Cancel);
        Assert.Equal("/workflow", http.Requests[^1].Split(' ')[1]);
        Assert.Equal(Header(former, "webhook-id"), Header(again, "webhook-id"));
        Assert.Equal(2, Header(again, "webhook-signature").Split(' ').Length);
        Assert.True(WebhookSignature.Verify(secret, Header(again, "webhook-id"), Header(again, "webhook-timestamp"), Header(again, "webhook-signature"), System.Text.Encoding.UTF8.GetBytes(again.Split("\r\n\r\n", 2)[1]), TimeProvider.System.GetUtcNow()));
        await CommandAsync(service, "webhooks", "test", "team-chat");
        await service.Child.WaitUntilAsync(_ => Task.FromResult(http.Requests.Count == 7), "the test arrived", Soon, Cancel);

        var silence = (await CommandAsync(service, "silences", "add", "tenant=acme", "quota=c*", "--for", "2h", "--comment", "maintenance")).Split(' ')[0];
        Assert.Contains("tenant acme, quota c*", await CommandAsync(service, "silences", "list"));
        Assert.Contains(silence, await CommandAsync(service, "alerts"));
        await CommandAsync(service, "silences", "end", silence);
        Assert.Contains("ended", await CommandAsync(service, "silences", "list"));

        using var bad = await service.Client.PutAsJsonAsync("v1/webhooks/bad", new { channel = "slack", url = "ftp://u:p@10.0.0.1:22/", nonsense = 1, title = "{x}" }, Cancel);
        Assert.Equal(422, (int)bad.StatusCode);
        var faults = (await bad.Content.ReadFromJsonAsync<JsonElement>(Cancel)).GetProperty("errors").EnumerateArray().Select(error => error.GetProperty("field").GetString()).Order(StringComparer.Ordinal);
        Assert.Equal(["nonsense", "title", "url"], faults);
        using var endless = await service.Client.PostAsJsonAsync("v1/silences", new { match = new { } }, Cancel);
        Assert.Equal(422, (int)endless.StatusCode);
        var shown = await service.GetAsync("v1/webhooks", Cancel);
        foreach (var hidden in (string[])["whsec_", "smtp-password", "0123456789abcdef"]) Assert.DoesNotContain(hidden, shown.GetRawText());
        Assert.Contains("webhook.put", (await service.GetAsync("v1/audit", Cancel)).GetRawText());
        Assert.DoesNotContain("0123456789abcdef", (await service.GetAsync("v1/audit", Cancel)).GetRawText());
    }

    // The servers of the example are those of this test.
    private static string Local(string yaml, RawReceiver http, AlertmanagerServer alertmanager, MailServer mail)
    {
        var root = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{http.Port}");
        foreach (var (from, to) in new[]
        {
            ("https://alerts.example.com/metering", root + "/hook"), ("https://alertmanager.example.com", "http://" + alertmanager.Address), ("https://hooks.slack.com/services/T000/B000/XXXX", root + "/chat"),
            ("https://prod-00.westeurope.logic.azure.com/workflows/0000", root + "/workflow"), ("https://events.eu.pagerduty.com/v2/enqueue", root + "/pager"), ("smtp.example.com:587", mail.Address),
        })
        {
            Assert.Contains(from, yaml);
            yaml = yaml.Replace(from, to, StringComparison.Ordinal);
        }

        return yaml;
    }

    private static async Task<string> CommandAsync(ServiceProcess service, params string[] arguments)
    {
        await using var child = MeteringProcess.Launch(arguments, new Dictionary<string, string?> { ["METERING_URL"] = service.Url, ["METERING_KEY"] = ServiceProcess.AdminKey });
        Assert.True(await child.WaitForExitAsync(Soon, Cancel) == 0, child.Output);
        return child.Output;
    }

    private static string Header(string request, string name) => request.Split("\r\n").First(line => line.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase))[(name.Length + 1)..].Trim();
}
