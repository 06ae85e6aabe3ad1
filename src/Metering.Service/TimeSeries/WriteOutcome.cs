namespace Metering.Service.TimeSeries;

/// <summary>What became of a request.</summary>
internal enum WriteOutcome
{
    /// <summary>All lines are in.</summary>
    Accepted,

    /// <summary>At least one line is not to the server's liking (400, 422); others may be in.</summary>
    Rejected,

    /// <summary>413: fewer lines may pass.</summary>
    TooLarge,

    /// <summary>429, 5xx, no answer: the same request later.</summary>
    Busy,

    /// <summary>Credentials, database or address are wrong: nothing will pass before a person puts it right.</summary>
    Stopped,
}
