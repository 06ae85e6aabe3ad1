namespace Metering.Safety;

/// <summary>What a container's health check runs: an image without a shell or curl can ask only by the program that it has.</summary>
public static class HealthProbe
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>0 when the address answers with success, 1 with one line that says why not.</summary>
    public static async Task<int> RunAsync(Uri address, CancellationToken cancel)
    {
        using var client = new HttpClient { Timeout = Patience };
        try
        {
            using var response = await client.GetAsync(address, cancel);
            if (response.IsSuccessStatusCode) return 0;
            await Console.Error.WriteLineAsync($"{address} answered {(int)response.StatusCode}: {await response.Content.ReadAsStringAsync(cancel)}");
        }
        catch (Exception e) when (e is HttpRequestException || (e is TaskCanceledException && !cancel.IsCancellationRequested))
        {
            await Console.Error.WriteLineAsync($"{address} does not answer: {e.Message}");
        }

        return 1;
    }
}
