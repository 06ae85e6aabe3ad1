using System.Text.Json;
using Metering.Service;
using Metering.Service.Alerts;
using Metering.Service.Alerts.Channels;
using Xunit;

namespace Metering.Tests.Alerts;

/// <summary>What every channel of the catalogue keeps, whatever it sends to.</summary>
public sealed class ChannelContractTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static TheoryData<string> Channels()
    {
        using var sample = new ChannelSample();
        return new TheoryData<string>(sample.Catalogue.All.Select(channel => channel.Name));
    }

    public static TheoryData<string> Networked() => new(Channels().Select(row => row.Data).Where(name => name != "log"));

    [Theory]
    [MemberData(nameof(Channels))]
    public void Its_settings_are_judged(string name)
    {
        using var sample = new ChannelSample();
        var channel = sample.Catalogue.Find(name)!;
        var (none, sound) = (new List<Fault>(), new List<Fault>());

        channel.Check(new EndpointSettings { Channel = name }, none);
        channel.Check(ChannelSample.Settings(name, "http://127.0.0.1:9/"), sound);

        Assert.NotEmpty(none);
        Assert.Empty(sound);
    }

    [Theory]
    [MemberData(nameof(Channels))]
    public async Task It_delivers_every_kind_of_event(string name)
    {
        using var sample = new ChannelSample();
        await using var http = RawReceiver.Answering("200 OK", "", "ok");
        await using var smtp = new SmtpReceiver();
        AlertMessage[] messages = [ChannelSample.Firing, ChannelSample.Resolved, .. name == "pagerduty" ? Array.Empty<AlertMessage>() : [ChannelSample.Group], ChannelSample.Test, ChannelSample.Report];

        foreach (var message in messages)
        {
            var result = await sample.Catalogue.Find(name)!.SendAsync(ChannelSample.Target(ChannelSample.Settings(name, http.Url, smtp.Server)), message, Cancel);
            Assert.True(result.Outcome == WebhookOutcome.Delivered, result.Reason);
        }

        var log = Path.Combine(sample.Directory, "logs", "alerts.jsonl");
        Assert.Equal(messages.Length, http.Requests.Count + smtp.Mails.Count + (File.Exists(log) ? File.ReadAllLines(log).Length : 0));
    }

    [Theory]
    [MemberData(nameof(Networked))]
    public async Task An_address_that_is_not_public_gets_no_connection(string name)
    {
        using var sample = new ChannelSample(isLoopbackAllowed: false, answers: ["127.0.0.1"]);
        await using var http = RawReceiver.Answering("200 OK");
        await using var smtp = new SmtpReceiver();
        var settings = ChannelSample.Settings(name, http.Url.Replace("127.0.0.1", "hooks.example.com", StringComparison.Ordinal), smtp.Server.Replace("127.0.0.1", "mail.example.com", StringComparison.Ordinal));

        var result = await sample.Catalogue.Find(name)!.SendAsync(ChannelSample.Target(settings), ChannelSample.Firing, Cancel);

        Assert.Equal(WebhookOutcome.Failed, result.Outcome);
        Assert.Equal(0, http.Accepted + smtp.Accepted);
        Assert.DoesNotContain("127.0.0.1", result.Reason);
    }

    [Theory]
    [MemberData(nameof(Networked))]
    public async Task A_name_that_is_public_first_and_private_later_is_refused(string name)
    {
        // Only the second answer would reach the receiver; one public and one private address are no better.
        foreach (var answers in new string[][][] { [["203.0.113.1"], ["127.0.0.1"]], [["93.184.216.34", "10.0.0.1"]], [["::ffff:127.0.0.1"]], [["64:ff9b::7f00:1"]] })
        {
            using var sample = new ChannelSample(isLoopbackAllowed: false, answers: answers);
            var settings = ChannelSample.Settings(name, "https://hooks.example.com/", "mail.example.com:25");

            var result = await sample.Catalogue.Find(name)!.SendAsync(ChannelSample.Target(settings), ChannelSample.Firing, Cancel);

            Assert.Equal(WebhookOutcome.Failed, result.Outcome);
            Assert.Contains("refused", result.Reason);
        }
    }

    [Theory]
    [MemberData(nameof(Networked))]
    public async Task A_receiver_that_hangs_costs_the_timeout(string name)
    {
        using var sample = new ChannelSample(TimeSpan.FromMilliseconds(300));
        await using var http = new RawReceiver((_, stop) => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, stop));
        await using var smtp = new SmtpReceiver(_ => "hang");

        var result = await sample.Catalogue.Find(name)!.SendAsync(ChannelSample.Target(ChannelSample.Settings(name, http.Url, smtp.Server)), ChannelSample.Firing, Cancel);

        Assert.Equal(WebhookOutcome.Failed, result.Outcome);
        Assert.Contains("No answer within 0.3 s", result.Reason);
    }

    [Fact]
    public async Task The_webhook_posts_the_event_as_it_was_recorded_with_both_signatures()
    {
        using var sample = new ChannelSample();
        await using var receiver = RawReceiver.Answering("204 No Content");
        var former = WebhookSecret.Generate();
        var target = ChannelSample.Target(ChannelSample.Settings("webhook", receiver.Url)) with { Secrets = [ChannelSample.Secret, former] };

        await sample.Catalogue.Find("webhook")!.SendAsync(target, ChannelSample.Firing, Cancel);

        var (head, body) = Split(receiver.Requests[0]);
        Assert.Equal(System.Text.Encoding.UTF8.GetString(ChannelSample.Firing.Body.Span), body);
        foreach (var secret in new[] { ChannelSample.Secret, former })
        {
            Assert.True(WebhookSignature.Verify(secret, Header(head, "webhook-id"), Header(head, "webhook-timestamp"), Header(head, "webhook-signature"), ChannelSample.Firing.Body.Span, TimeProvider.System.GetUtcNow()));
        }
    }

    [Fact]
    public async Task Alertmanager_gets_one_identity_for_firing_and_resolved()
    {
        var firing = await PostedAsync("alertmanager", ChannelSample.Firing);
        var resolved = await PostedAsync("alertmanager", ChannelSample.Resolved);

        Assert.Contains("POST /hook/api/v2/alerts ", firing.Head);
        Assert.Contains("Authorization: Basic dTpw", firing.Head);
        var (fires, ends) = (firing.Json[0], resolved.Json[0]);
        Assert.Equal("{\"alertname\":\"MeteringQuota\",\"kind\":\"usage\",\"meter\":\"cpuSeconds\",\"quota\":\"team-cpu\",\"severity\":\"critical\",\"team_name\":\"*data*\",\"tenant\":\"acme \\u003C\\u0026\\u003E\",\"threshold\":\"100\",\"type\":\"quota\"}", fires.GetProperty("labels").GetRawText());
        Assert.Equal(fires.GetProperty("labels").GetRawText(), ends.GetProperty("labels").GetRawText());
        Assert.Equal(ChannelSample.Now.AddMinutes(-5), fires.GetProperty("startsAt").GetDateTimeOffset());
        Assert.Equal(ChannelSample.Now.AddMinutes(4), fires.GetProperty("endsAt").GetDateTimeOffset());
        Assert.Equal(ChannelSample.Now, ends.GetProperty("endsAt").GetDateTimeOffset());
        Assert.Equal(2, (await PostedAsync("alertmanager", ChannelSample.Group)).Json.GetArrayLength());
    }

    [Fact]
    public async Task Pagerduty_is_triggered_and_resolved_by_one_key()
    {
        var firing = (await PostedAsync("pagerduty", ChannelSample.Firing)).Json;
        var resolved = (await PostedAsync("pagerduty", ChannelSample.Resolved)).Json;

        Assert.Equal(("trigger", "resolve"), (firing.GetProperty("event_action").GetString(), resolved.GetProperty("event_action").GetString()));
        Assert.Equal(firing.GetProperty("dedup_key").GetString(), resolved.GetProperty("dedup_key").GetString());
        Assert.Equal(ChannelSample.RoutingKey, firing.GetProperty("routing_key").GetString());
        Assert.Equal("critical", firing.GetProperty("payload").GetProperty("severity").GetString());
        Assert.Equal("FIRING: quota team-cpu, cpuSeconds at 250.5 of 200 (125.2 %)", firing.GetProperty("payload").GetProperty("summary").GetString());
    }

    [Fact]
    public async Task Texts_are_texts_whatever_a_name_holds()
    {
        var slack = (await PostedAsync("slack", ChannelSample.Firing, "{status} for {tenant}\n{labels.team-name}")).Json;
        var teams = (await PostedAsync("teams", ChannelSample.Firing, "{status} for {tenant}\n{labels.team-name}")).Json;

        Assert.Equal("FIRING for acme &lt;&amp;&gt; *data*", slack.GetProperty("text").GetString());
        Assert.Equal("danger", slack.GetProperty("attachments")[0].GetProperty("color").GetString());
        var card = teams.GetProperty("attachments")[0];
        Assert.Equal("application/vnd.microsoft.card.adaptive", card.GetProperty("contentType").GetString());
        Assert.Equal("FIRING for acme <&\\> \\*data\\*", card.GetProperty("content").GetProperty("body")[0].GetProperty("text").GetString());
    }

    [Theory]
    [InlineData("ok", WebhookOutcome.Delivered)]
    [InlineData("", WebhookOutcome.Delivered)]
    [InlineData("{\"success\":true}", WebhookOutcome.Delivered)]
    [InlineData("{\"ok\":false}", WebhookOutcome.Failed)]
    [InlineData("invalid_payload", WebhookOutcome.Failed)]
    public async Task Slack_says_ok_or_has_not_taken_it(string answer, WebhookOutcome expected)
    {
        using var sample = new ChannelSample();
        await using var receiver = RawReceiver.Answering("200 OK", "", answer);

        Assert.Equal(expected, (await sample.Catalogue.Find("slack")!.SendAsync(ChannelSample.Target(ChannelSample.Settings("slack", receiver.Url)), ChannelSample.Firing, Cancel)).Outcome);
    }

    [Theory]
    [InlineData("RCPT", "550 no such user", WebhookOutcome.Refused, 550)]
    [InlineData("RCPT", "450 try again", WebhookOutcome.Retry, 450)]
    [InlineData(".", "554 looks like spam", WebhookOutcome.Refused, 554)]
    [InlineData(".", "451 later", WebhookOutcome.Retry, 451)]
    [InlineData("MAIL", "530 sign in first", WebhookOutcome.Failed, null)]
    [InlineData("", "554 go away", WebhookOutcome.Failed, 554)]
    [InlineData("EHLO", "HTTP/1.1 400 Bad Request", WebhookOutcome.Failed, null)]
    public async Task A_mail_server_s_answer_decides(string step, string answer, WebhookOutcome expected, int? status)
    {
        using var sample = new ChannelSample();
        await using var smtp = new SmtpReceiver(command => command == step ? answer : null);

        var result = await sample.Catalogue.Find("email")!.SendAsync(ChannelSample.Target(ChannelSample.Settings("email", "", smtp.Server)), ChannelSample.Firing, Cancel);

        Assert.Equal((expected, status), (result.Outcome, result.Status));
        Assert.Empty(smtp.Mails);
    }

    [Fact]
    public async Task A_mail_is_a_mail_and_no_password_goes_without_tls()
    {
        using var sample = new ChannelSample();
        await using var smtp = new SmtpReceiver();
        var settings = ChannelSample.Settings("email", "", smtp.Server) with { Title = "{status}: {tenant}\r\nBcc: all@example.com" };

        await sample.Catalogue.Find("email")!.SendAsync(ChannelSample.Target(settings), ChannelSample.Firing, Cancel);
        var mail = Assert.Single(smtp.Mails);
        var plain = await sample.Catalogue.Find("email")!.SendAsync(ChannelSample.Target(settings with { Security = "startTls", User = "u", Password = "secret" }), ChannelSample.Firing, Cancel);

        Assert.Contains("Subject: FIRING: acme <&>  Bcc: all@example.com\n", mail);
        Assert.DoesNotContain("\nBcc:", mail);
        Assert.Contains("Message-Id: <qc_team-cpu_firing@metering>\n", mail, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("Auto-Submitted: auto-generated\n", mail);
        Assert.Contains("STARTTLS", plain.Reason);
        Assert.Single(smtp.Mails);
    }

    [Theory]
    [InlineData("alertmanager")]
    [InlineData("teams")]
    [InlineData("pagerduty")]
    public async Task A_message_that_is_refused_is_not_sent_again(string name)
    {
        using var sample = new ChannelSample();
        await using var receiver = RawReceiver.Answering("400 Bad Request", "", "no");

        Assert.Equal(WebhookOutcome.Refused, (await sample.Catalogue.Find(name)!.SendAsync(ChannelSample.Target(ChannelSample.Settings(name, receiver.Url)), ChannelSample.Firing, Cancel)).Outcome);
    }

    private static async Task<(string Head, JsonElement Json)> PostedAsync(string name, AlertMessage message, string? title = null)
    {
        using var sample = new ChannelSample();
        await using var receiver = RawReceiver.Answering("200 OK", "", "ok");
        var settings = ChannelSample.Settings(name, receiver.Url) with { Title = title, User = name == "alertmanager" ? "u" : null, Password = name == "alertmanager" ? "p" : null };
        Assert.Equal(WebhookOutcome.Delivered, (await sample.Catalogue.Find(name)!.SendAsync(ChannelSample.Target(settings), message, Cancel)).Outcome);
        var (head, body) = Split(receiver.Requests[0]);
        return (head, JsonSerializer.Deserialize<JsonElement>(body));
    }

    private static (string Head, string Body) Split(string request) => request.Split("\r\n\r\n", 2) is [var head, var body] ? (head, body) : throw new InvalidOperationException(request);

    private static string Header(string head, string name) => head.Split("\r\n").First(line => line.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase))[(name.Length + 1)..].Trim();
}
