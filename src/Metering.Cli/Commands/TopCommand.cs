using System.CommandLine;
using System.Text.Json;
using Metering.Cli.Client;
using Metering.Cli.Top;
using Metering.Safety;
using Metering.Service.Live;

namespace Metering.Cli.Commands;

/// <summary><c>metering top</c>: what is used now, on the whole screen; <c>--once</c> prints one frame.</summary>
internal static class TopCommand
{
    private static readonly TimeSpan KeyPoll = TimeSpan.FromMilliseconds(40);

    public static Command Create()
    {
        var interval = new Option<double>("--interval") { Description = "Seconds between refreshes, 0.5 to 3600; default 2", DefaultValueFactory = _ => 2, HelpName = "SECONDS" };
        var once = new Option<bool>("--once") { Description = "Print one frame and end, as when the output is no terminal" };
        var sort = new Option<string>("--sort") { Description = "cpu, memory, io, cost or name", DefaultValueFactory = _ => "cpu" };
        sort.AcceptOnlyFromAmong("cpu", "memory", "io", "cost", "name");
        var filter = new Option<string?>("--filter") { Description = "Text in name, path, tenant, kind or host, or tenant:NAME", HelpName = "TEXT" };
        var (url, key, data, format) = (CommonOptions.Url(), CommonOptions.Key(), CommonOptions.Data(), CommonOptions.TableOrJson());
        var command = new Command("top", "Shows live what the workloads use: CPU, memory, I/O, cost per hour, tenant. Keys: c m i $ n sort, t the next tenant, / filters, ? help, q quits.") { interval, once, sort, filter, url, key, data, format };
        command.SetAction(async (parsed, cancel) =>
        {
            if (parsed.GetValue(interval) is var seconds && seconds is not (>= 0.5 and <= 3600)) throw UserErrorException.Usage($"--interval is {seconds}; it is 0.5 to 3600 seconds.");
            using var client = ApiClient.Create(parsed.GetValue(url), parsed.GetValue(key), parsed.GetValue(data)!);
            var state = new TopState { Sort = Enum.Parse<TopSort>(parsed.GetValue(sort)!, ignoreCase: true), Filter = parsed.GetValue(filter) ?? "" };
            if (parsed.GetValue(format) == "json")
            {
                var view = await ReadAsync(client, cancel);
                Console.Out.WriteLine(JsonSerializer.Serialize(view with { Workloads = state.Choose(view) }, CliJson.Indented));
            }
            else if (parsed.GetValue(once) || Console.IsOutputRedirected || Console.IsInputRedirected)
            {
                var view = await ReadAsync(client, cancel);
                state.IsDemo = client.IsDemo;
                Print(view, state);
            }
            else
            {
                await RunAsync(client, state, TimeSpan.FromSeconds(seconds), cancel);
            }

            return 0;
        });
        return command;
    }

    private static async Task RunAsync(ApiClient client, TopState state, TimeSpan every, CancellationToken cancel)
    {
        // A first answer before the screen changes: a wrong address or key is one sentence on the usual screen.
        var view = await ReadAsync(client, cancel);
        var colour = Tint.IsOn;
        using var screen = new TopScreen();
        string? trouble = null;
        var reading = Task.FromResult(view);
        var readAt = TimeProvider.System.GetTimestamp();
        var size = (0, 0);
        for (var draw = true; ;)
        {
            if (reading.IsCompleted && TimeProvider.System.GetElapsedTime(readAt) >= every) (reading, readAt, draw) = (ReadAsync(client, cancel), TimeProvider.System.GetTimestamp(), true);
            if (reading.IsCompletedSuccessfully && (!ReferenceEquals(view, await reading) || trouble is not null)) (view, trouble, draw) = (await reading, null, true);
            if (reading.Exception?.InnerException is { } e && e.Message != trouble) (trouble, draw) = (e.Message, true);
            while (Console.KeyAvailable)
            {
                if (!state.Take(Console.ReadKey(intercept: true), view)) return;
                draw = true;
            }

            if (size != (Console.WindowWidth, Console.WindowHeight)) (size, draw) = ((Console.WindowWidth, Console.WindowHeight), true);
            state.IsDemo = client.IsDemo;
            if (draw) screen.Show(new TopFrame(size.Item1, size.Item2, colour).Draw(view, state, TimeProvider.System.GetUtcNow(), trouble));
            draw = false;
            try
            {
                await Task.Delay(KeyPoll, TimeProvider.System, cancel);
            }
            catch (OperationCanceledException)
            {
                return; // Ctrl-C and SIGTERM end the view as 'q' does
            }
        }
    }

    private static async Task<LiveView> ReadAsync(ApiClient client, CancellationToken cancel) => (await client.GetAsync("v1/live", cancel)).Deserialize<LiveView>(CliJson.Compact)!;

    private static void Print(LiveView view, TopState state)
    {
        foreach (var host in view.Hosts.Where(host => AlarmText.Of(host.Alarms).Length > 0)) Console.Out.WriteLine($"! {host.Host}: {AlarmText.Of(host.Alarms)}");
        var frame = new TopFrame(200, state.Choose(view).Count + TopFrame.MinHeight + 6, colour: false);
        foreach (var line in frame.Draw(view, state, TimeProvider.System.GetUtcNow(), null).Where(line => line.Length > 0).SkipLast(1)) Console.Out.WriteLine(line);
    }
}
